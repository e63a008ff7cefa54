// SPDX-License-Identifier: MIT
//
// Compares the predictions of ONNX Runtime with those of the library.
//
//     node onnx_run.js <node_modules> <file.onnx> ...
//
// <file>.txt holds the type and the shapes, then the inputs and the outputs
// that the library predicts for them, one number per line.
'use strict'
const fs = require('fs')
const path = require('path')

const [modules, ...files] = process.argv.slice(2)
const ort = require(path.resolve(modules, 'onnxruntime-node'))

// mlp_onnx.h lists the activations for which ONNX Runtime has no float64
// kernel. It also says that ONNX Runtime must not fuse silu in float64, so that
// file runs with basic optimization only.
const MISSING = ['leaky_relu', 'elu', 'softplus', 'gelu']
const MOST = { float32: 1e-6, float64: 1e-14 }

async function difference (file) {
  const lines = fs.readFileSync(file.replace(/onnx$/, 'txt'), 'utf8').split('\n')
  const [type, rows, inputs, outputs] = lines[0].split(' ')
  const numbers = lines.slice(1, -1).map(Number)
  const expected = numbers.splice(rows * inputs)
  const array = type === 'float32' ? Float32Array : Float64Array
  const session = await ort.InferenceSession.create(file, {
    graphOptimizationLevel: /silu_float64/.test(file) ? 'basic' : 'all'
  })
  const { output } = await session.run({
    input: new ort.Tensor(type, array.from(numbers), [+rows, +inputs])
  })
  if (String(output.dims) !== `${rows},${outputs}` || output.type !== type) {
    throw new Error(`${file}: ${output.type} of shape ${output.dims}`)
  }
  const apart = expected.map((a, i) =>
    Math.abs(a - output.data[i]) / Math.max(1, Math.abs(a)))
  return [type, apart.includes(NaN) ? NaN : Math.max(...apart)]
}

async function main () {
  let worst = { float32: 0, float64: 0 }
  for (const file of files) {
    const name = path.basename(file, '.onnx')
    const missing = MISSING.some(m => name === `${m}_float64`)
    let found
    try {
      found = await difference(file)
    } catch (error) {
      if (!missing || !/NOT_IMPLEMENTED|not find an implementation/.test(error.message)) {
        throw error
      }
      console.log(`${name}: no kernel`)
      continue
    }
    const [type, apart] = found
    if (missing) throw new Error(`${name}: runs, though mlp_onnx.h says it does not`)
    if (!(apart <= MOST[type])) throw new Error(`${name}: ${apart} apart`)
    worst[type] = Math.max(worst[type], apart)
  }
  console.log(`ONNX Runtime: ${files.length} files, at most ${worst.float32} apart in float32, ${worst.float64} in float64`)
}

main().catch(error => {
  console.error(error.message)
  process.exit(1)
})
