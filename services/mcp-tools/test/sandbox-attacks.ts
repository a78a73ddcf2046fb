/** What comes back when an attack is refused, or looks at what is harmless; never what it was after. */
export type Attack = {
  name: string
  /** Python. `PORT` is where a server listens that nobody may reach; `FOLDER` is a folder that nobody may see. */
  code: string
  /** What it may answer although it was not refused: nothing of the host's. */
  harmless?: RegExp
}

/** An attack by JavaScript from within Python, where both live in one process. */
const js = (name: string, code: string, harmless?: RegExp): Attack => ({
  name,
  code: `from pyodide.code import run_js
answer = run_js(${JSON.stringify(code)})
str(await answer if hasattr(answer, 'then') else answer)`,
  ...(harmless ? { harmless } : {}),
})
const python = (name: string, code: string, harmless?: RegExp): Attack => ({
  name,
  code,
  ...(harmless ? { harmless } : {}),
})

const inWorker = (options: string) => `new Promise((done, fail) => {
  const body = "fetch('http://127.0.0.1:PORT/worker').then((r) => r.text()).then(postMessage, (e) => postMessage('REFUSED ' + e))"
  const worker = new Worker('data:text/javascript,' + encodeURIComponent(body), { type: 'module', ${options} })
  worker.onmessage = ({ data }) => done(data)
  worker.onerror = (event) => { event.preventDefault?.(); fail(new Error('refused')) }
})`

export const NETWORK: Attack[] = [
  python('fetch', "import js\nawait (await js.fetch('http://127.0.0.1:PORT/fetch')).text()"),
  python('urllib', "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:PORT/urllib', timeout=3).read()"),
  python(
    'pyfetch',
    "from pyodide.http import pyfetch\nawait (await pyfetch('http://127.0.0.1:PORT/pyfetch')).string()",
  ),
  python(
    'a socket',
    "import socket\ns = socket.create_connection(('127.0.0.1', PORT), 3)\ns.send(b'GET /socket HTTP/1.0\\r\\n\\r\\n')\ns.recv(9)",
  ),
  js('XMLHttpRequest and EventSource', "new EventSource('http://127.0.0.1:PORT/events'); new XMLHttpRequest()"),
  js(
    'a WebSocket',
    "new Promise((done, fail) => Object.assign(new WebSocket('ws://127.0.0.1:PORT/'), { onopen: done, onerror: fail }))",
  ),
  js(
    'node:net',
    "import('node:net').then((net) => new Promise((done, fail) => net.connect(PORT, '127.0.0.1', done).on('error', fail)))",
  ),
  js(
    'a socket of the host',
    "import('node:net').then((net) => new Promise((done, fail) => net.connect('/var/run/docker.sock', done).on('error', fail)))",
  ),
  js(
    'listening',
    "import('node:net').then((net) => new Promise((done, fail) => net.createServer().on('error', fail).listen(0, done)))",
  ),
  js('looking up a name', "import('node:dns/promises').then((dns) => dns.lookup('localhost'))"),
  js('a worker', inWorker('')),
  js('a worker that grants itself everything', inWorker('deno: { permissions: { net: true, read: true } }')),
  js('asking for the permission', "Deno.permissions.request({ name: 'net' }).then(({ state }) => state)", /^denied$/),
  js('the inspector', "import('node:inspector').then((inspector) => { inspector.open(0); return inspector.url() })"),
  js('a module over HTTP', "import('http://127.0.0.1:PORT/module.js')"),
  js('a module over HTTPS', "import('https://esm.sh/lodash')"),
  js('a module of npm', "import('npm:lodash')"),
  python('a package', 'import micropip'),
]

export const FILES: Attack[] = [
  python('reading by open', "open('/etc/passwd').read()"),
  js('reading by Deno', "Deno.readTextFileSync('/etc/passwd')"),
  js('reading by node:fs', "import('node:fs').then((fs) => fs.readFileSync('/etc/passwd', 'utf8'))"),
  js('listing a folder of the service', "import('node:fs').then((fs) => fs.readdirSync('FOLDER').join())"),
  python(
    'mounting the root',
    "import os, pyodide_js\npyodide_js.FS.mkdir('/mnt/h')\npyodide_js.FS.mount(pyodide_js.FS.filesystems.NODEFS, {'root': '/'}, '/mnt/h')\nstr(os.listdir('/mnt/h'))",
  ),
  python(
    'mounting a folder',
    "import pyodide_js\npyodide_js.FS.mkdirTree('/mnt/e')\npyodide_js.mountNodeFS('/mnt/e', '/etc')\nopen('/mnt/e/passwd').read()",
  ),
  js('writing', "import('node:fs').then((fs) => fs.writeFileSync('FOLDER/pwned', 'x'))"),
  js('writing where Python lies', "import('node:fs').then((fs) => fs.writeFileSync(Deno.args[1] + '/pwned', 'x'))"),
  js('importing a file', "import('file:///etc/hostname')"),
  js('importing a file as JSON', "import('file://FOLDER/secret.json', { with: { type: 'json' } })"),
  js('importing a file as text', "import('file:///etc/passwd', { with: { type: 'text' } }).then((m) => m.default)"),
  js('looking at itself', "import('node:fs').then((fs) => fs.readdirSync('/proc/self/fd').join())"),
  js(
    'the environment of its parent',
    "import('node:fs').then((fs) => fs.readFileSync('/proc/' + Deno.ppid + '/environ', 'utf8'))",
  ),
  js(
    'a database',
    "import('node:sqlite').then((s) => new s.DatabaseSync('FOLDER/pwned.db').exec('create table t (a)'))",
  ),
  js('a key-value store', 'Deno.openKv().then(() => "opened")'),
]

export const HOST: Attack[] = [
  js('a child process', "import('node:child_process').then((c) => c.execSync('id').toString())"),
  js('a command of Deno', "new TextDecoder().decode(new Deno.Command('/usr/bin/id').outputSync().stdout)"),
  python('subprocess', "import subprocess\nsubprocess.run(['id'], capture_output=True).stdout"),
  python('os.fork', 'import os\nos.fork()'),
  python('os.kill', 'import os\nos.kill(os.getppid(), 0)'),
  js('a library of the host', "Deno.dlopen('libc.so.6', { getpid: { parameters: [], result: 'i32' } })"),
  js('killing its parent', "Deno.kill(Deno.ppid, 'SIGUSR2'); 'killed'"),
  js('killing its parent as Node would', "process.kill(process.ppid, 0); 'killed'"),
  js('the name of the host', 'Deno.hostname()'),
  js('what node:os tells', "import('node:os').then((os) => os.hostname() + os.userInfo().username)"),
  js('the environment by Deno', 'JSON.stringify(Deno.env.toObject())'),
  js('the environment by process', 'JSON.stringify({ ...process.env })', /^\{\}$/),
  python('the environment by os', 'import os\n" ".join(os.environ)', /^(?!.*(JEST|NODE|TOKEN|DATABASE|KEY)).*$/s),
  js("a driver of the host's graphics", 'typeof navigator.gpu', /^undefined$/),
  js('a report of the process', 'JSON.stringify(process.report?.getReport?.() ?? "none")', /^"none"$/),
  js(
    'an answer in the name of the runner',
    `Deno.stdout.writeSync(new TextEncoder().encode('\\n{"result":"FORGED","error":null,"exitCode":0}\\n')); 'the real one'`,
    /^the real one$/,
  ),
]

/** What one program leaves and the next one looks for. */
export const TRACES: { name: string; leave: string; look: string }[] = [
  {
    name: 'localStorage',
    leave: js('', "localStorage.setItem('x', 'KEPT')").code,
    look: js('', "localStorage.getItem('x')").code,
  },
  {
    name: 'caches',
    leave: js('', "caches.open('v1').then((c) => c.put('http://x.test/a', new Response('KEPT')))").code,
    look: js('', "caches.open('v1').then((c) => c.match('http://x.test/a')).then((r) => r.text())").code,
  },
  { name: 'a global', leave: 'import builtins\nbuiltins.trace = "KEPT"', look: 'import builtins\nbuiltins.trace' },
  { name: 'a global of JavaScript', leave: js('', "globalThis.trace = 'KEPT'").code, look: js('', 'trace').code },
  { name: 'a file', leave: 'open("note.txt", "w").write("KEPT")', look: 'open("note.txt").read()' },
  {
    name: 'a module',
    leave: 'import json\njson.trace = "KEPT"\nopen("/home/pyodide/sneak.py", "w").write("trace = \'KEPT\'")',
    look: 'try:\n    import sneak\n    found = sneak.trace\nexcept ImportError:\n    import json\n    found = json.trace\nfound',
  },
]
