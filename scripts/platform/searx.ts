import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@jan/testkit/free-port'
import { placeOf } from './cache.ts'
import { debianCodename, unpackDebian } from './debian.ts'
import { CannotBeHad, type Ingredient, type Part } from './part.ts'
import { serve } from './server.ts'

/** Debian's own, which its packages are made for. */
const PYTHON = '/usr/bin/python3'

const PACKAGES = [
  ...['searx', 'babel', 'brotli', 'certifi', 'cffi-backend', 'chardet', 'charset-normalizer', 'click', 'colorama'],
  ...['cryptography', 'dateutil', 'flask', 'flask-babel', 'idna', 'importlib-metadata', 'itsdangerous', 'jinja2'],
  ...['langdetect', 'lxml', 'markupsafe', 'more-itertools', 'openssl', 'pkg-resources', 'pygments', 'requests'],
  ...['setproctitle', 'six', 'tz', 'urllib3', 'werkzeug', 'yaml', 'zipp'],
].map((name) => `python3-${name}`)
/** What those are linked with, and what is not Python. */
const LIBRARIES = ['python-babel-localedata', 'searx', 'libbrotli1', 'libicu72', 'libxml2', 'libxslt1.1', 'libyaml-0-2']

/** searx is the parent of SearXNG and speaks the same JSON. */
const searxPackages: Ingredient = {
  name: 'searx-1.1.0-debian',
  minutes: 1,
  make: (bench, into) => unpackDebian(bench, { suite: debianCodename(), packages: [...PACKAGES, ...LIBRARIES], into }),
}

/** Engines behind it: the suite serves what the first two find, and nobody serves the third, which is asked by name only. */
const enginesAt = (library: number, nobody: number) => {
  const jsonEngine = {
    engine: 'json_engine',
    url_query: 'url',
    title_query: 'title',
    content_query: 'content',
    results_query: 'results',
    enable_http: true,
    categories: 'general',
    paging: true,
    first_page_num: 1,
  }
  const urlOf = (port: number, name: string) => `http://127.0.0.1:${port}/${name}?q={query}&page={pageno}`
  return [
    { ...jsonEngine, name: 'dated', shortcut: 'da', search_url: urlOf(library, 'dated'), time_range_support: true },
    { ...jsonEngine, name: 'undated', shortcut: 'un', search_url: urlOf(library, 'undated') },
    { ...jsonEngine, name: 'silent', shortcut: 'si', search_url: urlOf(nobody, 'silent'), categories: 'files' },
  ]
}

/** All it wants to be told: Debian's package has no defaults. JSON is YAML. */
const settingsFor = (home: string, port: number, engines: unknown[]) => ({
  general: { debug: false, instance_name: 'searx', contact_url: false, enable_stats: false },
  brand: Object.fromEntries(
    ['git_url', 'git_branch', 'issue_url', 'docs_url', 'public_instances', 'wiki_url', 'twitter_url'].map((name) => [
      name,
      'about:blank',
    ]),
  ),
  search: {
    safe_search: 0,
    autocomplete: '',
    default_lang: '',
    ban_time_on_fail: 0,
    max_ban_time_on_fail: 0,
    formats: ['html', 'json'],
  },
  server: {
    port,
    bind_address: '127.0.0.1',
    secret_key: randomBytes(16).toString('hex'),
    base_url: false,
    image_proxy: false,
    http_protocol_version: '1.0',
    method: 'GET',
  },
  ui: {
    static_path: join(home, 'usr/share/python3-searx/static'),
    templates_path: join(home, 'usr/share/python3-searx/templates'),
    default_theme: 'oscar',
    default_locale: 'en',
    theme_args: { oscar_style: 'logicodev' },
  },
  outgoing: { request_timeout: 2, useragent_suffix: '', pool_connections: 10, pool_maxsize: 10 },
  engines,
  locales: { en: 'English' },
  doi_resolvers: { none: 'about:blank' },
  default_doi_resolver: 'none',
})

/** searx over engines of the suite's own; it may start long before they do. */
export const searx: Part = {
  name: 'searx',
  needs: [searxPackages],
  minutes: 0.5,
  suite: 'tests/parts/searx.platform.test.ts',
  check: () => {
    if (debianCodename() !== 'bookworm') throw new CannotBeHad('no Debian 12, the last that has searx')
    if (!existsSync(PYTHON)) throw new CannotBeHad(`no ${PYTHON} on this machine`)
  },
  start: async (bench) => {
    const home = placeOf(bench, searxPackages)
    const [port, library, nobody] = [await freePort(), await freePort(), await freePort()]
    const settings = join(bench.work, 'settings.yml')
    writeFileSync(settings, JSON.stringify(settingsFor(home, port, enginesAt(library, nobody))))
    const [libraries] = readdirSync(join(home, 'usr/lib')).filter((name) => name.endsWith('-linux-gnu'))
    const url = `http://127.0.0.1:${port}`
    await serve(bench, {
      label: 'searx',
      command: PYTHON,
      args: [join(home, 'usr/bin/searx-run')],
      env: {
        SEARX_SETTINGS_PATH: settings,
        PYTHONPATH: join(home, 'usr/lib/python3/dist-packages'),
        PYTHONDONTWRITEBYTECODE: '1',
        LD_LIBRARY_PATH: join(home, 'usr/lib', libraries ?? ''),
      },
      ready: { url: `${url}/healthz` },
    })
    return { JAN_TEST_SEARX_URL: url, JAN_TEST_SEARX_ENGINES_PORT: String(library) }
  },
}
