/**
 * Reads a pasted `curl` line as a shell would and sends what curl would send.
 * A machine needs no curl for the tests then, and the examples stay as people paste them.
 */
export async function runCurl(command: string): Promise<Response> {
  const words = shellWords(command.replace(/\\\n/g, ' ').replace(/\|\s*jq\s*$/, ''))
  if (words.shift() !== 'curl') throw new Error('not a curl command')
  const headers = new Headers({ accept: '*/*', 'user-agent': 'curl/8' })
  let [method, body, url]: (string | undefined)[] = []
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-X') method = words.shift()
    else if (word === '-d') body = words.shift()
    else if (word === '-H') {
      const [name, ...value] = words.shift()!.split(':')
      headers.set(name!, value.join(':').trim())
    } else if (!word.startsWith('-')) url = word
    else if (!['-s', '-N'].includes(word)) throw new Error(`curl ${word} is not known here`)
  }
  if (body !== undefined && !headers.has('content-type'))
    headers.set('content-type', 'application/x-www-form-urlencoded')
  return fetch(url!, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers,
    ...(body === undefined ? {} : { body }),
  })
}

/** Words of a POSIX shell line: single quotes, double quotes with backslashes, bare words. */
export function shellWords(line: string): string[] {
  const words = line.matchAll(/(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])+/gs)
  return [...words].map(([word]) =>
    word.replace(
      /'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/gs,
      (_whole, single, double, escaped) => single ?? escaped ?? double.replace(/\\(["\\$`])/g, '$1'),
    ),
  )
}
