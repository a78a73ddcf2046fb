import { afterAll, beforeAll, expect, test } from '@jest/globals'
import OpenAI, { toFile } from 'openai'
import { png } from './images.ts'
import { type MediaService, startMediaService } from './media-service.ts'
import { sample } from './samples.ts'

let service: MediaService
let openai: OpenAI

const clientOf = async (subject: string) => {
  const { authorization } = await service.as(subject)
  return new OpenAI({
    baseURL: `${service.url}/v1`,
    apiKey: authorization!.replace('Bearer ', ''),
    maxRetries: 0,
  })
}

beforeAll(async () => {
  service = await startMediaService()
  openai = await clientOf('ann')
})
afterAll(() => service.close())

const lines = Buffer.from('{"a":1}\n{"a":2}\n')

test('the OpenAI SDK uploads, lists, reads and deletes files [M-012]', async () => {
  const file = await openai.files.create({ file: await toFile(lines, 'train.jsonl'), purpose: 'fine-tune' })
  expect(file).toMatchObject({
    id: expect.stringMatching(/^jan_/),
    object: 'file',
    bytes: lines.length,
    filename: 'train.jsonl',
    purpose: 'fine-tune',
    status: 'processed',
  })
  expect(Math.abs(file.created_at - Date.now() / 1000)).toBeLessThan(60)
  expect(await openai.files.retrieve(file.id)).toEqual(file)
  const content = await openai.files.content(file.id)
  expect(Buffer.from(await content.arrayBuffer()).equals(lines)).toBe(true)

  const other = await openai.files.create({ file: await toFile(png(1), 'cat.png'), purpose: 'vision' })
  const all: string[] = []
  for await (const each of openai.files.list({ limit: 1 })) all.push(each.id)
  expect(all).toEqual([other.id, file.id])
  const page = await openai.files.list({ purpose: 'vision' })
  expect(page.data.map(({ id }) => id)).toEqual([other.id])

  expect(await openai.files.delete(file.id)).toEqual({ id: file.id, object: 'file', deleted: true })
  await expect(openai.files.retrieve(file.id)).rejects.toMatchObject({ status: 404, type: 'not_found_error' })
})

test('what is nothing below /v1/files is refused in OpenAI’s envelope, too [M-012]', async () => {
  const wrong: [string, string, number][] = [
    ['/v1/files', 'PUT', 405],
    ['/v1/files/a/b/c', 'GET', 404],
    ['/v1/files/%zz', 'GET', 400],
  ]
  for (const [path, method, status] of wrong)
    expect(await service.call(path, { method })).toMatchObject({
      status,
      body: { error: { message: expect.any(String) } },
    })
  expect((await service.call('/v1/media', { method: 'PUT' })).body.error).toEqual(expect.any(String))
})

test('each upload is a file of its own, and a medium, too [M-012]', async () => {
  const { bytes, mime } = sample('application/pdf')
  const create = async () => openai.files.create({ file: await toFile(bytes, 'a.pdf'), purpose: 'user_data' })
  const [one, two] = [await create(), await create()]
  expect(one.id).not.toBe(two.id)
  await openai.files.delete(one.id)
  expect((await openai.files.retrieve(two.id)).id).toBe(two.id)
  const headers = await service.as('ann')
  const { body } = await service.call('/v1/media/resolve', { json: { ids: [two.id] }, headers })
  expect(body).toMatchObject({ media: [{ id: two.id, mime }] })
  const medium = await service.store(png(2), headers)
  expect(await openai.files.retrieve(medium.id)).toMatchObject({ id: medium.id, purpose: 'vision' })
})

test('a file expires when it was told to [M-012]', async () => {
  const file = await openai.files.create({
    file: await toFile(Buffer.from('x'), 'x.txt'),
    purpose: 'assistants',
    expires_after: { anchor: 'created_at', seconds: 3600 },
  })
  expect(file.expires_at! - file.created_at).toBe(3600)
  await service.db.query(`UPDATE media_object SET expires_at = now() WHERE id = $1`, [file.id])
  await expect(openai.files.retrieve(file.id)).rejects.toMatchObject({ status: 404 })
})

test('what is wrong is told in OpenAI’s words, and nothing of it stays [M-012]', async () => {
  const before = (await service.files()).length
  const wrong: [object, number][] = [
    [{ file: await toFile(lines, 'a.jsonl'), purpose: 'nonsense' }, 400],
    [{ file: await toFile(lines, 'a.jsonl') }, 400],
    [
      { file: await toFile(lines, 'a.jsonl'), purpose: 'batch', expires_after: { anchor: 'created_at', seconds: 5 } },
      400,
    ],
    [{ purpose: 'batch' }, 400],
    [{ file: await toFile(Buffer.from([0, 1, 2]), 'a.bin'), purpose: 'batch' }, 415],
  ]
  for (const [body, status] of wrong)
    await expect(openai.files.create(body as never)).rejects.toMatchObject({ status, type: 'invalid_request_error' })
  expect((await service.files()).length).toBe(before)
  const bob = await clientOf('bob')
  const file = await openai.files.create({ file: await toFile(lines, 'mine.jsonl'), purpose: 'batch' })
  for (const ask of [
    () => bob.files.retrieve(file.id),
    () => bob.files.content(file.id),
    () => bob.files.delete(file.id),
  ])
    await expect(ask()).rejects.toMatchObject({ status: 404 })
})

test('an expiry that is half said is refused, and a reason is told once [M-012]', async () => {
  const send = async (fields: Record<string, string>) => {
    const form = new FormData()
    form.append('file', new Blob([lines]), 'a.jsonl')
    for (const [name, value] of Object.entries({ purpose: 'batch', ...fields })) form.append(name, value)
    const headers = await service.as('ann')
    const answer = await fetch(`${service.url}/v1/files`, { method: 'POST', body: form, headers })
    return [answer.status, ((await answer.json()) as { message?: string }).message]
  }
  expect(await send({ 'expires_after[anchor]': 'created_at' })).toEqual([
    400,
    'expires_after[seconds]: expected with expires_after[anchor]',
  ])
  expect(await send({ expires_after: '{"anchor":"created_at","seconds":3600}' })).toEqual([
    400,
    'expires_after: expected as expires_after[anchor] and expires_after[seconds]',
  ])
  expect(await send({ purpose: 'nonsense' })).toEqual([
    400,
    'purpose: expected one of assistants, batch, fine-tune, vision, user_data, evals',
  ])
})

test('a list says which cursor or purpose is none [M-012]', async () => {
  for (const query of [{ after: 'file-abc' }, { after: '\0' }, { purpose: '\0' }])
    await expect(openai.files.list(query)).rejects.toMatchObject({ status: 400, type: 'invalid_request_error' })
})

test('creating a file takes an Idempotency-Key [T-15]', async () => {
  const create = async (bytes = lines) =>
    openai.files.create(
      { file: await toFile(bytes, 'once.jsonl'), purpose: 'batch' },
      { headers: { 'Idempotency-Key': 'once' } },
    )
  const [one, two] = [await create(), await create()]
  expect(two).toEqual(one)
  await expect(create(Buffer.from('{"another":"body"}\n'))).rejects.toMatchObject({ status: 422 })
})
