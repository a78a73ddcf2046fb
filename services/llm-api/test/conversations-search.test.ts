import { afterAll, beforeAll, expect, test } from '@jest/globals'
import {
  type Asking,
  bootConversations,
  type ConversationService,
  idOf,
  idsOf,
  rowsOf,
  says,
} from './conversation-service.ts'

let service: ConversationService
let ask: Asking
beforeAll(async () => {
  service = await bootConversations()
  ask = service.asking('ann')
})
afterAll(() => service.close())

const begun = async (title: string | undefined, ...texts: string[]) =>
  idOf(await ask('POST', '', { title, items: texts.map((text) => says(text)) }))
const found = async (query: string, more = '') => ask('GET', `/search?query=${encodeURIComponent(query)}${more}`)

test('titles and texts are found by words and their beginnings, whatever the case [L-053]', async () => {
  const cake = await begun('Apfelkuchen', 'How long does it bake?')
  const rocket = await begun('Travel', 'A ROCKET needs fuel', 'and a launch-pad in Kourou')
  expect(idsOf(await found('apfel'))).toEqual([cake])
  expect(idsOf(await found('Rocket'))).toEqual([rocket])
  expect(idsOf(await found('launch kour'))).toEqual([rocket])
  // All words, in one item or the title.
  expect(idsOf(await found('rocket kourou'))).toEqual([])
  expect(idsOf(await found('ocket'))).toEqual([])
  const [hit] = rowsOf(await found('kourou'))
  const [item] = idsOf(await ask('GET', `/${rocket}/items?limit=1`))
  expect(hit).toMatchObject({ object: 'conversation', title: 'Travel', item_id: item, branch: 'MAIN' })
  expect(hit!.snippet).toBe('and a launch-pad in Kourou')
  const [byTitle] = rowsOf(await found('apfelk'))
  expect(byTitle).toMatchObject({ snippet: 'Apfelkuchen' })
  expect(byTitle).not.toHaveProperty('item_id')
})

test('text of any language is found [L-053 L-060]', async () => {
  const texts: Record<string, [string, ...string[]]> = {
    'Привет, как дела? Всё хорошо': ['привет', 'ВСЁ хор'],
    'Xin chào, tôi ở Hà Nội': ['hà nội', 'Xin'],
    今日は世界の天気について話しましょう: ['世界', '天気に', '界の', '話'],
    你好世界欢迎使用: ['世界', '欢迎使用', '用'],
    ภาษาไทยไม่มีช่องว่าง: ['ไทย', 'ช่องว่าง'],
    'أهلا بالعالم العربي': ['بالعالم', 'العربي'],
    'می‌خواهم بروم': ['می‌خواهم', 'میخواهم'],
    'ＦＵＬＬｗｉｄｔｈ forms': ['fullwidth'],
    'party time 🎉 tonight': ['🎉', 'tonight 🎉'],
    "it's a C:\\path with 'quotes' & pipes|": ["'quotes'", 'c:\\path', 'pipes |'],
  }
  for (const [text, queries] of Object.entries(texts)) {
    const id = await begun(undefined, text)
    // The last one made is the first one found.
    for (const query of queries) expect([query, idsOf(await found(query))[0]]).toEqual([query, id])
  }
  expect(idsOf(await found('世天'))).toEqual([])
})

test('the words of calls and their outputs are found, and what is sealed is not [L-053]', async () => {
  const id = idOf(
    await ask('POST', '', {
      items: [
        { type: 'function_call', call_id: 'c', name: 'get_zebra', arguments: '{"stripes":"blackandwhite"}' },
        { type: 'function_call_output', call_id: 'c', output: 'quagga\0 seen' },
        {
          type: 'reasoning',
          summary: [{ type: 'summary_text', text: 'hippotigris' }],
          encrypted_content: 'sealedword',
        },
      ],
    }),
  )
  for (const word of ['blackand', 'quagga', 'hippotigris', 'zebra']) expect(idsOf(await found(word))).toEqual([id])
  expect(idsOf(await found('sealedword'))).toEqual([])
})

test('a snippet is the part of a long text where the word stands [L-053]', async () => {
  await begun(undefined, `${'lorem ipsum 👩‍👩‍👧 '.repeat(300)}needle-in-haystack ${'dolor sit amet 🎉'.repeat(300)}`)
  const [hit] = rowsOf(await found('haystack'))
  const snippet = hit!.snippet as string
  expect(snippet).toMatch(/^….*needle-in-haystack.*…$/u)
  expect(snippet.length).toBeLessThan(260)
  expect(snippet.isWellFormed()).toBe(true)
})

test('a hit follows what became of it: new titles, deleted items, archives [L-053]', async () => {
  const id = await begun('walrus', 'narwhal')
  await ask('POST', `/${id}`, { title: 'seal' })
  expect(idsOf(await found('walrus'))).toEqual([])
  expect(idsOf(await found('seal'))).toEqual([id])
  await ask('POST', `/${id}/archive`)
  expect(idsOf(await found('narwhal'))).toEqual([])
  expect(idsOf(await found('narwhal', '&status=all'))).toEqual([id])
  const [item] = idsOf(await ask('GET', `/${id}/items`))
  await ask('DELETE', `/${id}/items/${item}`)
  expect(idsOf(await found('narwhal', '&status=all'))).toEqual([])
  await ask('DELETE', `/${id}`)
  expect(idsOf(await found('seal', '&status=all'))).toEqual([])
})

test('results come in pages, and only one’s own [L-053 L-057]', async () => {
  const ids: string[] = []
  for (let nth = 0; nth < 5; nth += 1) ids.unshift(await begun(`page ${nth}`, 'paginated words'))
  const first = await found('paginated', '&limit=2')
  expect(idsOf(first)).toEqual(ids.slice(0, 2))
  const rest = await found('paginated', `&limit=100&after=${first.json.next_cursor}`)
  expect([idsOf(rest), rest.json.has_more]).toEqual([ids.slice(2), false])
  expect(idsOf(await found('paginated', `&after=${ids[3]}`))).toEqual([ids[4]])
  expect(idsOf(await service.asking('eve')('GET', '/search?query=paginated'))).toEqual([])
})

test('questions without a word find nothing, and odd ones do no harm [L-053]', async () => {
  for (const query of ['…', '&', "'", '\\', ':*', '!a', 'a & !b | (c', '<->', '%', '\u200c', 'a'.repeat(256)]) {
    const { status } = await found(query)
    expect([query, status]).toEqual([query, 200])
  }
  expect((await found('a'.repeat(257))).status).toBe(400)
})

test('very long texts and words are stored, and found by what is indexed [L-053]', async () => {
  const long = Array.from({ length: 60_000 }, (_, nth) => `w${nth.toString(36)}`).join(' ')
  const id = await begun(undefined, `${long}`, '字'.repeat(60_000), 'x'.repeat(100_000), '🎉'.repeat(40_000))
  expect(idsOf(await found('w1zz'))).toEqual([id])
  expect(rowsOf(await ask('GET', `/${id}/items`))).toHaveLength(4)
})

test('a conversation is exported as JSON and as Markdown [L-053]', async () => {
  const id = idOf(
    await ask('POST', '', {
      title: 'Über\n# alles',
      items: [
        says('Hallo'),
        says('Gut.', 'assistant'),
        { type: 'function_call', call_id: 'c', name: 'run', arguments: '{"a":"```"}' },
        { type: 'reasoning', summary: [], encrypted_content: 'sealed' },
        says([{ type: 'input_image', image_url: 'data:image/png;base64,aGk=' }]),
        says([{ type: 'input_image', image_url: 'https://a.example/b.png' }]),
      ],
    }),
  )
  const [first] = idsOf(await ask('GET', `/${id}/items?order=asc`))
  await ask('POST', `/${id}/items/${first}/edit`, { content: 'Servus' })
  await ask('POST', `/${id}/branches/MAIN/activate`)
  const file = async (format: string) =>
    fetch(`${service.url}/v1/conversations/${id}/export?format=${format}`, { headers: await service.as('ann') })
  const json = await file('json')
  expect(json.headers.get('content-disposition')).toBe(`attachment; filename="${id}.json"`)
  const whole = (await json.json()) as Record<string, unknown[]>
  expect(whole).toMatchObject({ object: 'conversation.export', conversation: { id, title: 'Über\n# alles' } })
  expect([whole.branches, whole.items]).toMatchObject([{ length: 2 }, { length: 7 }])
  expect(whole.items![3]).toMatchObject({ encrypted_content: 'sealed' })
  const markdown = await file('markdown')
  expect(markdown.headers.get('content-type')).toBe('text/markdown; charset=utf-8')
  const text = await markdown.text()
  expect(text).toMatch(/^# Über # alles\n/)
  expect(text).toContain('## User\n\nHallo\n\n## Assistant\n\nGut.\n\n## Function call\n\n````\nrun\n{"a":"```"}\n````')
  expect(text).toContain('![image](inline)')
  expect(text).toContain('![image](https://a.example/b.png)')
  expect(text).not.toContain('Servus')
  expect(text).not.toContain('sealed')
})
