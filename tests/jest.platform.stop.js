export default async () => {
  await globalThis.janTestPlatform?.stop()
}
