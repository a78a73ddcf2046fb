/** What a tiny model says, word by word; a word with a choice is drawn, each with the same chance. */
export type Speech = {
  words: (string | [string, string])[]
  /** Begins again instead of ending. */
  loops?: boolean
}

const CONTEXT = 2048
const [HEADS, ALIGNMENT] = [4, 32]
const [ORDINARY, CONTROL, UNUSED] = [1, 3, 5]
const END = '<|im_end|>'
const TEMPLATE =
  "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"

/**
 * The bytes of a real model of the llama architecture, in GGUF version 3, that has learnt one speech by heart: its only
 * working layer says which token follows which, and what follows nothing begins the speech. The same speech always
 * makes the same bytes. Source: github.com/ggml-org/ggml, docs/gguf.md.
 */
export function tinyGguf({ words, loops = false }: Speech): Buffer {
  const { tokens, types } = vocabulary(words.flat())
  const width = tokens.length
  const idOf = (word: string) => tokens.indexOf(spelled(word))
  const first = [words[0]!].flat().map(idOf)
  const follows = new Map<number, number[]>()
  for (const [at, word] of words.entries()) {
    const next = words[at + 1] ?? (loops ? words[0]! : undefined)
    for (const each of [word].flat()) follows.set(idOf(each), next ? [next].flat().map(idOf) : [tokens.indexOf(END)])
  }
  const fields = [
    ...[text('general.architecture', 'llama'), text('general.name', 'tiny'), number('llama.vocab_size', width)],
    ...[number('llama.context_length', CONTEXT), number('llama.embedding_length', width)],
    ...[number('llama.block_count', 1), number('llama.feed_forward_length', ALIGNMENT)],
    ...[number('llama.attention.head_count', HEADS), number('llama.attention.head_count_kv', HEADS)],
    ...[number('llama.rope.dimension_count', width / HEADS), real('llama.attention.layer_norm_rms_epsilon', 1e-5)],
    ...[text('tokenizer.ggml.model', 'gpt2'), text('tokenizer.ggml.pre', 'gpt-2')],
    list('tokenizer.ggml.tokens', 8, tokens.map(string)),
    list('tokenizer.ggml.token_type', 5, types.map(u32)),
    list('tokenizer.ggml.merges', 8, [string('t h')]),
    ...[
      number('tokenizer.ggml.bos_token_id', tokens.indexOf(END)),
      number('tokenizer.ggml.eos_token_id', tokens.indexOf(END)),
    ],
    field('tokenizer.ggml.add_bos_token', 7, Buffer.from([0])),
    text('tokenizer.chat_template', TEMPLATE),
  ]
  const square = (valueAt: (row: number, column: number) => number) =>
    Float32Array.from({ length: width * width }, (_, at) => valueAt(Math.floor(at / width), at % width))
  const nextOf = Array.from({ length: width }, (_, token) => new Set(follows.get(token) ?? first))
  const layer = (name: string, ...size: number[]): Tensor => ({ name: `blk.0.${name}.weight`, size, data: undefined })
  const ones = new Float32Array(width).fill(1)
  return file(fields, [
    { name: 'token_embd.weight', size: [width, width], data: square((row, column) => (row === column ? 1 : 0)) },
    { name: 'output.weight', size: [width, width], data: square((row, column) => (nextOf[column]!.has(row) ? 5 : 0)) },
    { name: 'output_norm.weight', size: [width], data: ones },
    { ...layer('attn_norm', width), data: ones },
    { ...layer('ffn_norm', width), data: ones },
    // All zero, so that what comes in goes out as it was.
    ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map((name) => layer(name, width, width)),
    ...[layer('ffn_gate', width, ALIGNMENT), layer('ffn_up', width, ALIGNMENT), layer('ffn_down', ALIGNMENT, width)],
  ])
}

/** A token for every byte, so that any text can be read, and for every word. */
function vocabulary(words: string[]): { tokens: string[]; types: number[] } {
  const ordinary = [...new Set([...letters, 'th', ...words.map(spelled)])]
  const control = ['<|im_start|>', END]
  const unused = Array.from(
    { length: -(ordinary.length + control.length) & (ALIGNMENT - 1) },
    (_, at) => `<unused${at}>`,
  )
  const tokens = [...ordinary, ...control, ...unused]
  return {
    tokens,
    types: [...ordinary.map(() => ORDINARY), ...control.map(() => CONTROL), ...unused.map(() => UNUSED)],
  }
}

/** GPT-2's letters for bytes: those that can be seen stand for themselves, the others for what comes after 255. */
const isSeen = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173)
let hidden = 256
const letters = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isSeen(byte) ? byte : hidden++))
const spelled = (word: string) => [...Buffer.from(word)].map((byte) => letters[byte]).join('')

type Tensor = { name: string; size: number[]; data: Float32Array | undefined }

function file(fields: Buffer[], tensors: Tensor[]): Buffer {
  const padded = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT
  let offset = 0
  const [infos, blocks]: [Buffer[], Buffer[]] = [[], []]
  for (const { name, size, data } of tensors) {
    const block = Buffer.alloc(padded(4 * size.reduce((product, each) => product * each)))
    if (data) Buffer.from(data.buffer).copy(block)
    infos.push(string(name), u32(size.length), ...size.map(u64), u32(0), u64(offset))
    offset += block.length
    blocks.push(block)
  }
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(fields.length),
    ...fields,
    ...infos,
  ])
  return Buffer.concat([head, Buffer.alloc(padded(head.length) - head.length), ...blocks])
}

function written(bytes: number, write: (buffer: Buffer) => void): Buffer {
  const buffer = Buffer.alloc(bytes)
  write(buffer)
  return buffer
}
const u32 = (value: number) => written(4, (buffer) => buffer.writeUInt32LE(value))
const u64 = (value: number) => written(8, (buffer) => buffer.writeBigUInt64LE(BigInt(value)))
const string = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)])
const field = (name: string, type: number, value: Buffer) => Buffer.concat([string(name), u32(type), value])
const text = (name: string, value: string) => field(name, 8, string(value))
const number = (name: string, value: number) => field(name, 4, u32(value))
const real = (name: string, value: number) =>
  field(
    name,
    6,
    written(4, (buffer) => buffer.writeFloatLE(value)),
  )
const list = (name: string, type: number, values: Buffer[]) =>
  field(name, 9, Buffer.concat([u32(type), u64(values.length), ...values]))
