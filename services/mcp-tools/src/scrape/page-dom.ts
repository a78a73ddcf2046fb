/** The few parts of the DOM that are used here; the project's types know no browser. */
export type PageNode = {
  nodeType: number
  nodeName: string
  textContent: string | null
  childNodes: Iterable<PageNode>
}

export type PageElement = PageNode & {
  innerHTML: string
  getAttribute(name: string): string | null
  setAttribute(name: string, value: string): void
  removeAttribute(name: string): void
  hasAttribute(name: string): boolean
  querySelectorAll(selector: string): Iterable<PageElement>
  querySelector(selector: string): PageElement | null
  remove(): void
}

export type PageDocument = PageElement & { body: PageElement; documentElement: PageElement }

const TEXT = 3
const ELEMENT = 1

const names = (list: string) => new Set(list.toUpperCase().split(' '))
/** Elements whose content nobody reads. */
const UNSEEN = names('script style noscript template iframe object svg canvas head title')
const BLOCKS = names(
  'address article aside blockquote details div dl figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr ' +
    'main nav ol p pre section summary table ul',
)
/** Lines of a block: they begin on a new line, with none empty between them. */
const LINES = names('br dd dt li tr')
const CELLS = names('td th')

export const isUnseen = (name: string): boolean => UNSEEN.has(name.toUpperCase())

/**
 * The text of an element as a reader sees it: an empty line between blocks, tabs between a row's cells, preformatted
 * text as it is. Not recursive, since pages may be nested deeper than a stack.
 */
export function visibleText(root: PageElement): string {
  const pieces: string[] = []
  const pending: (PageNode | string)[] = [root]
  let preformatted = 0
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next === PRE_ENDS) preformatted--
    else if (typeof next === 'string') pieces.push(next)
    else if (next.nodeType === TEXT) pieces.push(textOf(next, preformatted > 0))
    else if (next.nodeType === ELEMENT) {
      const name = next.nodeName.toUpperCase()
      if (isUnseen(name) || (next as PageElement).hasAttribute('hidden')) continue
      if (BLOCKS.has(name) || LINES.has(name)) pieces.push('\n')
      if (BLOCKS.has(name)) pending.push('\n')
      if (CELLS.has(name)) pending.push('\t')
      if (name === 'PRE') {
        preformatted++
        pending.push(PRE_ENDS)
      }
      for (const child of [...next.childNodes].reverse()) pending.push(child)
    }
  }
  return tidy(pieces.join(''))
}

const PRE_ENDS = '\u0000'
/** Stand for the spaces and tabs of preformatted text until the others are tidied. */
const HARD_SPACE = '\uE000'
const HARD_TAB = '\uE001'

function textOf(node: PageNode, preformatted: boolean): string {
  const text = node.textContent ?? ''
  return preformatted ? text.replaceAll(' ', HARD_SPACE).replaceAll('\t', HARD_TAB) : text.replace(/\s+/g, ' ')
}

const tidy = (text: string): string =>
  text
    .replace(/[ \t]*\n[ \t]*/g, '\n')
    .replace(/ {2,}/g, ' ')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
    .replaceAll(HARD_SPACE, ' ')
    .replaceAll(HARD_TAB, '\t')

const LINKS = /^(?:https?|mailto|tel):/
const IMAGES = /^https?:/

/**
 * Makes links absolute by where the page came from, and drops those that are no addresses (`javascript:`, `data:` …).
 * A `<base>` of the page does not count: it would let a page pretend that its links are another site's.
 */
export function settleLinks(root: PageElement, pageUrl: string): void {
  settle(root, { selector: '[href]', attribute: 'href', allowed: LINKS, pageUrl })
  settle(root, { selector: '[src]', attribute: 'src', allowed: IMAGES, pageUrl })
  for (const element of root.querySelectorAll('[srcset]')) element.removeAttribute('srcset')
}

type Settling = { selector: string; attribute: string; allowed: RegExp; pageUrl: string }

function settle(root: PageElement, { selector, attribute, allowed, pageUrl }: Settling): void {
  for (const element of root.querySelectorAll(selector)) {
    const url = URL.parse(element.getAttribute(attribute) ?? '', pageUrl)
    if (url && allowed.test(url.protocol)) element.setAttribute(attribute, url.href)
    else element.removeAttribute(attribute)
  }
}
