import { z } from 'zod'
import { defineJob } from '../src/jobs.ts'
import { createJobWorker } from './job-worker.fixture.ts'

/** A process that takes the job `survive` and never ends it: to be killed. Prints `running` once it has it. */
const survive = defineJob({
  name: 'survive',
  payload: z.object({}),
  run: () => {
    process.stdout.write('running\n')
    return new Promise(() => undefined)
  },
})

createJobWorker(process.argv[2]!, { jobs: [survive], leaseMs: Number(process.argv[3]) }).jobs.start({})
