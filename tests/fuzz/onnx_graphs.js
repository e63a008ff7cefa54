// SPDX-License-Identifier: MIT
//
// Runs the graphs of onnx_graphs.py in ONNX Runtime:
//
//     node onnx_graphs.js <node_modules> <folder>
//
// writes <folder>/theirs.txt, whose lines onnx_graphs.py describes.
'use strict'
const fs = require('fs')
const path = require('path')

const [modules, folder] = process.argv.slice(2)
const ort = require(path.resolve(modules, 'onnxruntime-node'))

async function run (i) {
  const lines = fs.readFileSync(path.join(folder, `${i}.txt`), 'utf8').split('\n')
  const [type, ...dims] = lines[0].split(' ')
  const array = type === 'float32' ? Float32Array : Float64Array
  const numbers = array.from(lines[1].split(' ').map(Number))
  // Without optimization the graph is computed as it stands.
  const session = await ort.InferenceSession.create(
    path.join(folder, `${i}.onnx`),
    { graphOptimizationLevel: 'disabled', logSeverityLevel: 4,
      intraOpNumThreads: 1, interOpNumThreads: 1 })
  const { output } = await session.run({
    input: new ort.Tensor(type, numbers, dims.map(Number))
  })
  return Array.from(output.data).join(' ')
}

async function main () {
  const results = []
  const count = fs.readdirSync(folder).filter(n => n.endsWith('.onnx')).length
  for (let i = 0; i < count; i++) {
    const result = await run(i).catch(
      error => '! ' + error.message.replace(/\s+/g, ' '))
    results.push(`${i} ${result}\n`)
  }
  fs.writeFileSync(path.join(folder, 'theirs.txt'), results.join(''))
}

main()
