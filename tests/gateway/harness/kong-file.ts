/** As much of the declarative file as the suite changes. */
export type KongFile = {
  services: { name: string; host: string; port: number; routes: object[] }[]
  plugins: { name: string; config: Record<string, unknown> }[]
}
