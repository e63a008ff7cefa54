// SPDX-License-Identifier: MIT
//
// Measures ONNX Runtime with the workloads W6 and W7 of mlp_bench.
//
//     node peer_ort.js <node_modules> <peer> <threads> <seconds>
//                      [<workload> ...]
//
// The script makes the networks itself, as ONNX files in memory, so that it
// needs no package but onnxruntime-node. The exit status is 77 if that package
// is not in the folder.
'use strict'
const path = require('path')

const NOT_INSTALLED = 77
const [modules, peer, threads, seconds, ...choices] = process.argv.slice(2)
let ort
try {
  ort = require(path.resolve(modules, 'onnxruntime-node'))
} catch (error) {
  console.log(String(error.message).split('\n')[0])
  process.exit(NOT_INSTALLED)
}

// ---------------------------------------------------------------------------
// An ONNX file is a protobuf message, which is a sequence of fields. A field is
// its number and its kind, followed by a varint, or by a length and that many
// bytes. The field numbers below are those of onnx.proto.

function varint (n) {
  const bytes = []
  for (; n >= 128; n = Math.floor(n / 128)) bytes.push(n % 128 + 128)
  return Buffer.from([...bytes, n])
}

const number = (field, n) => Buffer.concat([varint(field * 8), varint(n)])

function bytes (field, ...parts) {
  const all = Buffer.concat(parts.map(p => Buffer.from(p)))
  return Buffer.concat([varint(field * 8 + 2), varint(all.length), all])
}

const FLOAT = 1

function tensor (name, dims, values) {
  return bytes(5, ...dims.map(d => number(1, d)), number(2, FLOAT),
    bytes(8, name), bytes(9, Buffer.from(values.buffer)))
}

function value (field, name, cols) {
  const shape = bytes(2, bytes(1, bytes(2, 'n')), bytes(1, number(1, cols)))
  return bytes(field, bytes(1, name), bytes(2, bytes(1, number(1, FLOAT), shape)))
}

function node (op, inputs, output) {
  return bytes(1, ...inputs.map(i => bytes(1, i)), bytes(2, output), bytes(4, op))
}

const random = n => Float32Array.from({ length: n }, () => 0.1 * Math.random() - 0.05)

// x -> Gemm, Relu, Gemm, Relu, Gemm -> y
function model (widths) {
  const nodes = []
  const tensors = []
  const last = widths.length - 1
  let from = 'x'
  for (let l = 1; l <= last; l++) {
    tensors.push(tensor(`W${l}`, [widths[l - 1], widths[l]],
      random(widths[l - 1] * widths[l])))
    tensors.push(tensor(`b${l}`, [widths[l]], random(widths[l])))
    const z = l === last ? 'y' : `z${l}`
    nodes.push(node('Gemm', [from, `W${l}`, `b${l}`], z))
    if (l < last) nodes.push(node('Relu', [z], `a${l}`))
    from = `a${l}`
  }
  const graph = bytes(7, ...nodes, bytes(2, 'mlp'), ...tensors,
    value(11, 'x', widths[0]), value(12, 'y', widths[last]))
  return Buffer.concat([number(1, 8), graph, bytes(8, number(2, 13))])
}

// ---------------------------------------------------------------------------
// Timing by the same method as measure.c

const now = () => Number(process.hrtime.bigint()) * 1e-9

async function times (call) {
  async function run (calls) {
    const start = now()
    for (let i = 0; i < calls; i++) await call()
    return now() - start
  }
  let calls = 1
  let once = await run(calls)
  while (once < seconds / 20) {
    const more = once > 0 ? 1.2 * seconds / 20 / once : 100
    calls = Math.floor(calls * Math.min(Math.max(more, 1.5), 100)) + 1
    once = await run(calls)
  }
  const all = []
  const start = now()
  while (all.length < 7 || now() - start < seconds) all.push(await run(calls) / calls)
  all.sort((a, b) => a - b)
  const n = all.length
  return [0.5 * (all[(n - 1) >> 1] + all[n >> 1]), all[0]]
}

// ---------------------------------------------------------------------------
// Workloads

const wants = name => choices.some(c => name === c || name.startsWith(c + '-'))

async function measure (name, widths, rows) {
  if (!wants(name)) return
  const session = await ort.InferenceSession.create(model(widths), {
    intraOpNumThreads: +threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all'
  })
  const feed = { x: new ort.Tensor('float32', random(rows * widths[0]), [rows, widths[0]]) }
  const [median, best] = await times(() => session.run(feed))
  console.log(rows === 1
    ? `${name} ${peer} ${threads} ${(median * 1e9).toPrecision(6)} ns/call min=${(best * 1e9).toPrecision(6)}`
    : `${name} ${peer} ${threads} ${(rows / median).toPrecision(6)} rows/s max=${(rows / best).toPrecision(6)}`)
}

async function main () {
  for (const widths of [[2, 16, 8, 1], [64, 128, 64, 10], [784, 512, 512, 10]]) {
    await measure('W6-' + widths.join('-'), widths, 1)
  }
  await measure('W7', [784, 512, 512, 10], 10000)
}

main()
