import { createSimulator, type SimulatorOptions } from '@jan/model-simulator/simulator'
import { readInput, tell } from '../../measure/child-process.ts'

/** A process of its own: what it has written must not depend on how busy its clients are. */
const { url } = await createSimulator(readInput<SimulatorOptions>()).listen(0, '127.0.0.1')
tell({ url })
