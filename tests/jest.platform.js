import { shared, startTestPlatform } from './platform.ts'

/** One platform for all suites of this folder. */
export default async () => {
  globalThis.janTestPlatform = await startTestPlatform(shared.offset)
  process.env.JAN_TEST_STATE_DIR = globalThis.janTestPlatform.stateDir
}
