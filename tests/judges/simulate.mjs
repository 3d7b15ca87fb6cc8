// Decides the cases on standard input with @cloud-copilot/iam-simulate, found in the folder given as argument.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const load = createRequire(join(process.argv[2], 'package.json'))
const { runSimulation } = load('@cloud-copilot/iam-simulate')

const answers = []
for (const simulation of JSON.parse(readFileSync(0, 'utf8'))) {
  const found = await runSimulation(simulation, {})
  answers.push(found.resultType === 'error' ? { error: found.errors } : { verdict: found.overallResult })
}
process.stdout.write(JSON.stringify(answers))
