/** The things service in a process of its own, to be killed and stopped: its options come as JSON, its address is its first line. */
import { startThings, type ThingsOptions } from './things.fixture.ts'

const { url } = await startThings(JSON.parse(process.argv[2]!) as ThingsOptions)
process.stdout.write(`${url}\n`)
