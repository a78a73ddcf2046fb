export default async () => {
  globalThis.janTestPages?.close()
  await globalThis.janTestPlatform?.stop()
}
