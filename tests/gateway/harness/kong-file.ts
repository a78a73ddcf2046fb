/** As much of the declarative file as the suite changes. */
export type KongFile = {
  _format_version: string
  services: { name: string; host: string; port: number; routes: object[] }[]
  plugins: { name: string; config: Record<string, unknown> }[]
}
