import { openTable } from './judge-requirements.ts'

/**
 * What this product must do: one row per promise that a test could judge. A test cites the rows it judges in its
 * title: `test('a body that differs is refused [T-07]', …)`. `H` is the house, `T` the tools of our trade, `P` what
 * users were promised. `node tests/requirements.ts` lists what is open; `tests/requirements.test.ts` keeps the list true.
 */
export type Requirement = {
  id: string
  says: string
  /** Where the promise comes from. */
  source: string
  /** The part of the product that fulfils it. */
  room: Room
  /** `shownBy`: done, but no test can assert it (times, sizes, other machines); the command shows it. */
  state: 'done' | 'open' | { shownBy: string } | { refused: string }
}

export type Room =
  | 'house'
  | 'tools'
  | 'identity'
  | 'media'
  | 'llm-api'
  | 'mcp-tools'
  | 'response-api'
  | 'deployment'
  | 'watching'
  | 'console'
  | 'suites'
  | 'proof'

type Row = Omit<Requirement, 'source' | 'room'>

const done = (id: string, says: string): Row => ({ id, says, state: 'done' })
const shown = (id: string, says: string, shownBy: string): Row => ({ id, says, state: { shownBy } })
const open = (id: string, says: string): Row => ({ id, says, state: 'open' })
const refused = (id: string, says: string, why: string): Row => ({ id, says, state: { refused: why } })
const from = (source: string, room: Room, ...rows: Row[]): Requirement[] =>
  rows.map((row) => ({ ...row, source, room }))

const house = [
  ...from(
    'house: commands',
    'house',
    done('H-01', 'make demo starts the platform, walks the main job over HTTP, prints each call and exits 0.'),
    done('H-02', 'make demo leaves nothing running, and uses a platform that is already up.'),
    shown(
      'H-03',
      'make test type-checks, lints, runs every test and ends in "N passed, N failed[, N skipped]".',
      'make test',
    ),
    shown('H-04', 'make test exits 0 only when nothing failed.', 'make test'),
    done('H-05', 'make start shows one status table and a block of curl and OpenAI-SDK lines to paste.'),
    done('H-06', 'Ctrl-C drains and stops everything that make start has started.'),
    done('H-07', 'make start-bg returns when all is ready, make status says what runs, make stop ends it all.'),
    done('H-08', 'All state lies in .jan/, and make reset leaves none of it.'),
    done('H-09', 'make logs S=… shows the log of that part.'),
    done('H-10', 'make doctor names what stands in the way of a start.'),
    done('H-11', 'make user creates a person at the identity provider and prints the password; JSON=1 is one line.'),
    done('H-12', 'Every target of the Makefile can be made, and make help lists them.'),
    done('H-13', 'npm start, npm run demo and npm test are the make targets of these names.'),
  ),
  ...from('house: commands', 'identity', open('H-14', 'make user prints an API key of the person it created.')),
  ...from(
    'house: main job',
    'house',
    done('H-15', 'A guest logs in and gets ids and an RS256 access token of realm jan that lives 3600 seconds.'),
    done('H-16', '/v1/media and /media/v1/media store a PNG data URL and give id, type, size, deduped and a URL.'),
    done('H-17', 'Chat shows the model an image given by bare id or by placeholder, streaming and not.'),
    done('H-18', 'A streamed chat is OpenAI chunks that end in data: [DONE].'),
    done('H-19', '/v1/responses and /responses/v1/responses stream a run that searches, scrapes and runs Python.'),
    done('H-20', "A run's events have OpenAI's names, rising numbers and end in response.completed with typed items."),
    done('H-21', 'GET of a response by its id gives the items that were streamed.'),
    done('H-22', '/v1/mcp and /mcp list the tools and call them.'),
    done('H-23', 'The official openai client does chat and responses, streaming and not, with a guest token.'),
    done('H-24', 'MCP clients of both SDK generations list and call the tools.'),
    done('H-25', 'JAN_MODEL_BASE_URL, JAN_MODEL_API_KEY and JAN_MODEL put a model of one’s own behind everything.'),
    done('H-26', 'Without them the simulator answers, and the model’s id, its owner and the banner say so.'),
  ),
  ...from(
    'house: toolchain',
    'house',
    done('H-27', 'Every service starts on the real Node runtime from its TypeScript sources and stops when told.'),
    done('H-28', 'The lock names no download address and holds the packages of every platform.'),
    shown('H-29', 'npm 10 and 11 install from the lock, with and without scripts.', 'npm ci'),
    done('H-30', 'Versions are pinned exactly; Node is 20 or newer at the root, 24 or newer in the workspaces.'),
    done('H-31', 'Architecture is checked: who may import what, file sizes, names, folders, no mocked module.'),
    done('H-32', 'Every column of every model can be read from the migrated database.'),
    done('H-33', 'The migration runner applies plain SQL once, in order, and records it as Prisma does.'),
    done('H-34', 'A migration that was edited, vanished or failed is refused and leaves nothing behind.'),
    shown('H-35', 'openapi.json of every service is generated from its routes, and an old one fails.', 'make test'),
  ),
  ...from(
    'house: service kit',
    'house',
    done('H-36', 'A handler gets parsed input and a verified caller, and what it returns becomes the answer.'),
    done('H-37', 'A caller is a user, a guest, a key or a service, as their credential proves.'),
    done('H-38', 'A verified token is remembered until it expires and no longer.'),
    done('H-39', 'An internal token names caller, called and person, lives a minute and grants nothing more.'),
    done('H-40', 'Internal keys rotate: the new one signs, the old one still verifies.'),
    done('H-41', 'Server-sent events wait for a slow reader and stop when the client leaves.'),
    done('H-42', 'A silent event stream carries a keep-alive comment every 15 seconds.'),
    done('H-43', 'Before the first event an error is a status, afterwards an event.'),
    done('H-44', 'Configuration tells every problem at once and shows no secret.'),
    done('H-45', 'Logs are structured and never hold tokens, keys or prompts.'),
    done('H-46', 'A request is one trace over all services that continues the caller’s.'),
    done('H-47', '/metrics has requests by operation, requests in flight and event-loop lag.'),
    done('H-48', 'A stop turns readiness to 503, drains what is under way and closes in reverse order.'),
    done('H-49', 'Calls to other services have time limits and are repeated only where that is safe.'),
    done('H-50', 'Lists are pages as OpenAI gives them.'),
    done('H-51', 'healthz, readyz, metrics, OpenAPI and version need no token.'),
    done('H-52', 'Only the service’s own PostgreSQL makes readyz 503; anything else down is degraded.'),
    done('H-53', 'Request ids are taken when harmless, else made; echoed, and passed on to other services.'),
    done('H-54', 'A client that sends its head for ever is cut; idle connections outlive the gateway’s 60 seconds.'),
    done('H-55', 'What an internal failure was is not told to the client.'),
    done('H-56', 'The caller’s token is not passed on to model providers or to other services.'),
    done('H-57', 'A service starts while identity is away, and known tokens go on.'),
  ),
  ...from(
    'house: guarded fetch',
    'house',
    done('H-58', 'Addresses that are not public are refused, however they are written or resolved.'),
    done('H-59', 'A name is judged again at the moment it is dialled, and after every redirect.'),
    done('H-60', 'Bombs, slow bodies and endless redirects are cut by size and time.'),
  ),
  ...from(
    'house: model simulator',
    'house',
    done('H-61', 'It speaks OpenAI: chat whole and streamed, tool calls in fragments, usage, models, embeddings.'),
    done('H-62', 'It is scripted turn by turn, by header or file: text, tool calls, delays, faults, broken streams.'),
    done('H-63', 'Unscripted, it calls the tools a prompt names, quotes results, repeats facts and names images.'),
  ),
  ...from(
    'house: embedded platform',
    'house',
    done('H-64', 'A killed supervisor takes its children with it, and the next start has all data.'),
    done('H-65', 'A taken port, a bad setting or a bad command is one line that says what is wrong.'),
    done('H-66', 'Two copies run beside each other with JAN_PORT_OFFSET.'),
    done('H-67', 'It runs from a folder with a space that only its owner may enter, as root too.'),
    done('H-68', 'The identity provider answers discovery, keys and tokens at Keycloak’s paths for realm jan.'),
    done('H-69', 'It reads the realm file and keeps users with hashed passwords, grants and keys in PostgreSQL.'),
    done('H-70', 'Its admin calls accept the service account and the admin of realm master, nobody else.'),
    done('H-71', 'Gateway and identity provider listen on loopback only and refuse production.'),
    done('H-72', 'The gateway reads Kong’s own file, within a written subset; anything else stops the start.'),
    done('H-73', 'It routes as Kong does: paths, regex paths, priorities, normalised targets.'),
    done('H-74', 'It does the plugins of the file: CORS, rate limit, headers in and out, ids, sizes.'),
    done('H-75', 'It removes identity headers from the network, in every case and copy.'),
    done('H-76', 'Events, uploads and WebSocket upgrades pass through as they come.'),
    done('H-77', 'A service that refuses, stalls or breaks off is answered as Kong answers it.'),
  ),
  ...from(
    'house: agent loop',
    'house',
    done('H-78', 'Every prefix of a run folds to a valid next step, and no call is begun twice.'),
    done('H-79', 'After 8 model rounds there is one last answer without tools, and the run is incomplete.'),
    done('H-80', 'The tool calls of one round run at the same time.'),
    done('H-81', 'A tool that fails, hangs over 45 seconds or is unknown is an answer for the model.'),
  ),
  ...from(
    'house: services',
    'house',
    done('H-82', 'Nobody sees, resolves, continues or lists what another person made: it is 404.'),
    done('H-83', 'Models come from the configured provider, also when it comes late or goes away.'),
    done('H-84', 'Media come from data URLs and web addresses, judged by their bytes, and are read back in ranges.'),
    done('H-85', 'Disk and S3 storage behave the same, with signed URLs that end and cannot be changed.'),
    done('H-86', 'MCP is served without sessions in memory to clients of 2025-x and 2026-07-28.'),
    done('H-87', 'A web search goes to serper, searxng and offline in order, and costs guests nothing.'),
    done('H-88', 'A page is read as text and Markdown without what is around it.'),
    done('H-89', 'Programs in Python and JavaScript run where the host, its files and its network are out of reach.'),
    done('H-90', 'Programs are limited in time, memory and output.'),
    done('H-91', 'Responses are stored with their events: nobody reads what was not committed.'),
  ),
  ...from(
    'house: docs',
    'house',
    done('H-92', 'The README is short, and links between documents lead somewhere.'),
    done('H-93', 'Contributors are told in which folder to change what.'),
  ),
  ...from(
    'house: how good',
    'house',
    shown(
      'H-94',
      'The first make demo takes at most 150 s on 2 cores, 25 s after the install; the next 15 s.',
      'make measure',
    ),
    shown('H-95', 'Everything together is ready within 12 s and takes at most 1.2 GB.', 'make measure'),
    shown('H-96', 'make test takes at most 5 minutes on 2 cores.', 'make test'),
    done('H-97', 'No source is longer than 400 lines, no kit file than 200, and the stand-ins stay small.'),
  ),
  ...from(
    'house: bad input',
    'house',
    done('H-98', 'A missing, expired, wrongly signed, issued or addressed token is 401 with its challenge.'),
    done('H-99', 'Forged identity headers are ignored, through the gateway and straight to a service.'),
    done('H-100', 'Malformed JSON is 400 and names the position.'),
    done('H-101', 'A body over the limit is 413.'),
    done('H-102', 'An unknown model or media id is 404 and named.'),
    done('H-103', 'A model that is away, silent or broken is 502 or 504 with the reason, or an error event.'),
    done('H-104', 'A client that leaves stops the call to the model and to the tools.'),
    done('H-105', 'Without PostgreSQL calls are clear 503s, readyz names it, and all comes back by itself.'),
    done('H-106', 'Without identity, storage or another service only what needs it fails, and all comes back.'),
  ),
  ...from(
    'house: bad input',
    'tools',
    done('H-107', 'Without Redis the platform goes on, and all comes back without a restart.'),
  ),
]

const tools = [
  ...from(
    'tools: rate limit',
    'tools',
    done('T-01', 'Replicas share a principal’s limit through Redis and overshoot it by one interval each at most.'),
    done('T-02', 'Without Redis every replica limits by itself, and shares again when Redis is back.'),
    done('T-03', 'Redis that stalls without closing delays no request.'),
    done('T-04', 'Over the limit is 429 that says when to come back.'),
  ),
  ...from(
    'tools: idempotency',
    'tools',
    done('T-05', 'The same key and body again get the stored answer, and nothing is made twice.'),
    done('T-06', 'The same key while the first request is under way is 409.'),
    done('T-07', 'The same key with another body is 422.'),
    done('T-08', 'A key belongs to its owner: another owner’s equal key is another key.'),
    done('T-09', 'A failure is not pinned: the same key tries again.'),
    done('T-10', 'A key whose first request crashed can be used again once its lease of 10 s has run out.'),
    done('T-11', 'A streamed response with a key replays the same run, also one that failed in its stream.'),
    done('T-12', 'Relays ignore the header.'),
    done('T-13', 'POST /v1/media takes the key.'),
    done('T-14', 'POST /v1/responses takes the key.'),
  ),
  ...from('tools: idempotency', 'media', open('T-15', 'Creating a file takes the key.')),
  ...from(
    'tools: idempotency',
    'llm-api',
    open('T-16', 'Creating conversations, items, projects and assistants takes the key.'),
  ),
  ...from('tools: idempotency', 'identity', open('T-17', 'Creating an API key takes the key.')),
  ...from('tools: idempotency', 'mcp-tools', open('T-18', 'Registering an MCP server takes the key.')),
  ...from('tools: idempotency', 'response-api', open('T-19', 'Registering a webhook takes the key.')),
  ...from(
    'tools: jobs and outbox',
    'tools',
    done('T-20', 'A job runs on the service’s own PostgreSQL and survives the death of its worker.'),
    done('T-21', 'A job that throws for ever is tried with growing pauses, given up and told, and holds up no other.'),
    done('T-22', 'A message to another service is committed with the change it tells of, or not at all.'),
    done('T-23', 'A message is repeated until the other service took it, and carries an id to tell repeats by.'),
  ),
  ...from(
    'tools: field encryption',
    'tools',
    done('T-24', 'An encrypted field is AES-256-GCM with the id of its key; a changed one is refused.'),
    done('T-25', 'Keys rotate: the new one encrypts, the old one still reads.'),
  ),
  ...from(
    'tools: service template',
    'tools',
    done('T-26', 'services/template-api is a real service with configuration, migration, one GET and one POST.'),
    done('T-27', 'make new-service copies, renames and registers it in workspaces, platform, gateway and docs.'),
    done('T-28', 'The new service passes make verify untouched.'),
    done('T-29', 'A taken, upper-case or path-like name is refused in one line and changes nothing.'),
  ),
  ...from(
    'tools: service template',
    'deployment',
    open('T-30', 'make new-service also writes the Dockerfile, Compose and Helm entries.'),
  ),
  ...from('tools: service template', 'watching', open('T-31', 'make new-service also writes the Prometheus entry.')),
  ...from(
    'tools: requirements',
    'tools',
    done('T-32', 'Citing a requirement that does not exist fails, and so does an id given twice.'),
    done('T-33', 'A requirement marked done without a test that cites it fails.'),
    done('T-34', 'The open requirements are printed by room.'),
  ),
  ...from(
    'tools: bench',
    'tools',
    done('T-35', 'Load comes from another process; rounds are interleaved with a bare proxy as the floor.'),
    done('T-36', 'It tells p50 and p99, CPU per request and per chunk of whole process trees, and memory.'),
    done('T-37', 'It checks that every stream was complete.'),
    done('T-38', 'make bench PEER=url measures any OpenAI-compatible gateway in the same run.'),
    shown(
      'T-39',
      'Chat relay and guest login are measured, and docs/performance.md says by which command.',
      'make bench',
    ),
    shown('T-40', 'A chat relay takes at most twice the CPU of the floor per request.', 'make bench'),
    shown('T-41', 'A streamed chat takes at most twice the CPU of the floor per chunk.', 'make bench'),
    shown('T-42', 'The rate limiter takes at most 10 µs of CPU per request.', 'make bench'),
  ),
  ...from(
    'tools: chaos',
    'tools',
    done('T-43', 'Faults come from a seed that is printed, against two replicas, and the same seed repeats them.'),
    done('T-44', 'An acknowledgement that was lost is found from outside.'),
    done('T-45', 'A tool call that was made twice for one request is found from outside.'),
    done('T-46', 'make chaos prints a table, and docs/reliability.md keeps it with its command.'),
  ),
  ...from(
    'tools: platform tests',
    'tools',
    done('T-47', 'make test-platform runs the suites of every real part that can be had, cheapest first.'),
    done('T-48', 'A part that cannot be had prints "skipped: why" and counts as skipped, not as passed.'),
    done('T-49', 'With PLATFORM_MINUTES a part that is not cached and does not fit prints "skipped: no time".'),
    done('T-50', 'A starter exits 3 when its part cannot be had and 1 when the part fails.'),
    done('T-51', '.ci/run is make test, then make test-platform, and ends in one line with both sums.'),
    open('T-52', 'Both together take at most 40 minutes.'),
  ),
  ...from(
    'tools: chaos',
    'tools',
    done('T-53', 'An Idempotency-Key that was lost on the way is found from outside, by what was made twice.'),
  ),
]

const promises = [
  ...from(
    'promises: packages',
    'tools',
    done(
      'P-001',
      'express, prisma, ioredis, client-s3, jose, sdk-node, prom-client, turbo and jest do their jobs in shipped code.',
    ),
  ),
  ...from(
    'promises: packages',
    'house',
    done('P-002', 'MCP is served by the v2 SDK packages; the v1 SDK is a client of it in tests.'),
    done('P-003', 'The licence is MIT.'),
  ),
  ...from('promises: packages', 'mcp-tools', open('P-004', 'The v1 SDK bridges older MCP servers.')),
  ...from(
    'promises: packages',
    'deployment',
    open('P-005', 'The top level has the folders and files that users were told of, docker and k8s among them.'),
  ),
  ...from(
    'promises: packages',
    'house',
    done('P-006', 'Old names of settings are accepted, with a warning that tells the new one.'),
  ),
  ...from(
    'promises: pasted examples',
    'house',
    done('P-007', 'POST /v1/mcp answers plain JSON to */*, to application/json and to no Accept.'),
    done('P-008', 'It streams only to who accepts streams alone, or accepts both and gets progress.'),
    done('P-009', 'Tools are listed and called without initialize.'),
    done('P-010', '/v1/mcp, /mcp, /mcp/, /mcp/tools, /mcp/healthz and /mcp/readyz answer through the gateway.'),
    done('P-011', 'mcp-tools lists its tools at /v1/mcp/tools to anyone.'),
    done('P-012', '/auth/guest and /auth/guest-login say expires_in 3600 and user_id.'),
    done('P-013', 'Refresh tokens live 30 days.'),
    done('P-014', 'jan-v1-4b and gpt-4o-mini are aliases of the simulator, whose answer says jan-simulator.'),
    done('P-015', 'The example media key is the default only on a loopback listener outside production.'),
    done('P-016', 'Any other listener refuses to start with the example key, or with none.'),
    done('P-017', 'AUTH_ENABLED=false is accepted only on a loopback listener outside production.'),
    done('P-018', 'Without authentication every caller is the user local, and the banner says so.'),
    done('P-019', 'With it, POST /v1/mcp and POST /v1/responses without a token are 401.'),
    done('P-020', 'The malformed file_search_query example is 400, −32700, and names the position.'),
  ),
  ...from(
    'promises: pasted examples',
    'mcp-tools',
    open('P-021', 'Without its stray comma the file_search_query example is a result that says what is missing.'),
  ),
  ...from(
    'promises: pasted examples',
    'house',
    done('P-022', 'python_exec runs Python, or JavaScript by language.'),
    done('P-023', 'js_exec is another name for it.'),
    done('P-024', 'Broken JSON is −32700, no request −32600, an unknown method −32601.'),
    done('P-025', 'An unknown tool, or params that are no tools/call, are −32602.'),
    done('P-026', 'Arguments that do not fit the schema are a result with isError and code −32602.'),
    done('P-027', 'A tool that fails is a result with isError and −32603, one that times out −32000.'),
    done('P-028', 'A fault of our own is −32603.'),
  ),
  ...from(
    'promises: pasted examples',
    'mcp-tools',
    open('P-029', 'A resource that does not exist is −32602 for 2026-07-28 clients and −32002 for older ones.'),
  ),
  ...from(
    'promises: pasted examples',
    'house',
    done('P-030', '/responses/v1/responses, /media/v1/media and /llm/v1/… work beside /v1/….'),
    done('P-031', 'The examples of chat, media, responses and tools work when pasted.'),
  ),
  ...from(
    'promises: pasted examples',
    'suites',
    open('P-032', 'Swagger is served at http://localhost:8000/v1/swagger/.'),
    open('P-033', 'Every other example of the first documents works when pasted.'),
  ),
  ...from(
    'promises: addresses',
    'house',
    done('P-034', 'Gateway 8000, llm-api 8080, response-api 8082, media-api 8285, mcp-tools 8091, identity 8085.'),
    done('P-035', 'Embedded: PostgreSQL 15432, Redis 16379, simulator 8101.'),
    done('P-036', 'JAN_PORT_OFFSET shifts every port.'),
    done('P-037', 'The embedded platform listens on 127.0.0.1 only.'),
  ),
  ...from(
    'promises: addresses',
    'identity',
    open('P-038', 'admin gets a generated password at the embedded identity provider, printed once.'),
  ),
  ...from('promises: addresses', 'console', open('P-039', 'The console is at 8088.')),
  ...from(
    'promises: addresses',
    'deployment',
    open('P-040', 'In containers all ports are published on 127.0.0.1; Kong’s 8000 alone may bind wider.'),
    open('P-041', 'Keycloak’s admin console is at 8085, with admin and a generated password.'),
    open('P-042', 'The vector store is at 3015.'),
  ),
  ...from('promises: addresses', 'watching', open('P-043', 'Grafana is at 3001, Prometheus at 9090, Jaeger at 16686.')),
  ...from(
    'promises: environment',
    'house',
    done('P-044', 'MCP_TOOLS_HTTP_PORT, MCP_TOOLS_LOG_LEVEL and MCP_TOOLS_LOG_FORMAT json|console do what they say.'),
    done('P-045', 'MCP_SEARCH_ENGINE, SERPER_API_KEY and SEARXNG_URL choose the search engine.'),
    done('P-046', 'SERPER_DOMAIN_FILTER, SERPER_LOCATION_HINT and SERPER_OFFLINE_MODE shape a search.'),
    done('P-047', 'MCP_SANDBOX_REQUIRE_APPROVAL keeps a model from running programs that no person approved.'),
  ),
  ...from(
    'promises: environment',
    'mcp-tools',
    open('P-048', 'VECTOR_STORE_URL names the store of file_search.'),
    open('P-049', 'SANDBOXFUSION_URL and SANDBOXFUSION_TIMEOUT (30 s) put SandboxFusion in place of the sandbox.'),
    open('P-050', 'MCP_ENABLED, true in any letter case and false by default, serves a service’s routes as tools.'),
    open('P-051', 'The endpoint of mcp-tools does not depend on MCP_ENABLED.'),
  ),
  ...from(
    'promises: environment',
    'house',
    done('P-052', 'AUTH_ISSUER, AUTH_AUDIENCE and AUTH_JWKS_URL set whose tokens count; jan and jan-client both work.'),
    done('P-053', 'OTEL_ENABLED=false wins over an endpoint.'),
    done('P-054', 'Every service has <SERVICE>_HTTP_PORT, <SERVICE>_LOG_LEVEL and <SERVICE>_LOG_FORMAT.'),
    done('P-055', 'DEFAULT_MODEL answers a request that names no model.'),
    done('P-056', 'OUTBOUND_ALLOW opens exactly the private addresses it lists.'),
    done('P-057', 'GATEWAY_RATE_LIMIT overrides the limit of the embedded gateway’s file.'),
    done('P-058', 'INTERNAL_TOKEN_KEYS is the key ring of every service.'),
    done('P-059', 'SHUTDOWN_GRACE limits how long a stop waits for what is under way.'),
  ),
  ...from(
    'promises: environment',
    'identity',
    open('P-060', 'TRUSTED_PROXIES says whose forwarded addresses are believed.'),
    open('P-061', 'GUEST_LIMIT_PER_HOUR limits guest logins.'),
    open('P-062', 'GUEST_RETENTION_DAYS says when guests are removed.'),
  ),
  ...from('promises: environment', 'llm-api', open('P-063', 'JAN_MODEL_GGUF runs a local model file.')),
  ...from('promises: environment', 'response-api', open('P-064', 'EVENT_RETENTION says how long events are kept.')),
  ...from(
    'promises: environment',
    'deployment',
    open('P-065', 'HF_TOKEN and VLLM_MODEL are needed for profiles gpu and cpu only.'),
    open('P-066', 'VLLM_MODEL is served as jan-v1-4b.'),
    open('P-067', 'SERPER_API_KEY is needed for serper only, and nothing for a profile that is not used.'),
    open('P-068', 'make setup generates POSTGRES_PASSWORD and KEYCLOAK_ADMIN_PASSWORD.'),
    open('P-069', 'The six files of config/ are generated from the config shapes and hold no secret.'),
    open('P-070', 'The shell wins over .env, that over config/<environment>.env, that over config/defaults.env.'),
  ),
  ...from(
    'promises: make targets',
    'house',
    done('P-071', 'demo, start, start-bg, stop, status, reset, logs, doctor, user, test, verify and help exist.'),
  ),
  ...from('promises: make targets', 'tools', done('P-072', 'new-service, test-platform, bench and chaos exist.')),
  ...from('promises: make targets', 'suites', open('P-073', 'A test runs every promised target with make -n.')),
  ...from('promises: make targets', 'proof', open('P-074', 'test-security exists.')),
  ...from(
    'promises: make targets',
    'deployment',
    open('P-075', 'setup, up, up-full, up-gpu, up-cpu, down, clean and clean-all exist; up starts the infrastructure.'),
    open('P-076', 'build-llm-api, build-response-api, build-media-api, build-mcp and hybrid-dev exist.'),
    open('P-077', 'health-check and logs-llm-api, -response-api, -media-api, -mcp work on whichever way is running.'),
    open('P-078', 'db-migrate and db-reset work on whichever way is running.'),
    open('P-079', 'db-seed makes a user, project, conversation, media object and indexed document, once.'),
    open('P-080', 'Where no container engine runs, a container target says so in one line that names make start.'),
  ),
  ...from('promises: make targets', 'watching', open('P-081', 'monitor-up and monitor-logs exist.')),
  ...from(
    'promises: make targets',
    'suites',
    open('P-082', 'test-all, -auth, -conversations, -response, -media, -mcp, -e2e work on whichever way is running.'),
    open('P-083', 'swag generates the OpenAPI files.'),
  ),
  ...from(
    'promises: tests and docs',
    'suites',
    open('P-084', 'The five Newman collections and test-all lie in tests/automation and report to newman.json.'),
    open('P-085', 'docs/README, INDEX, services, QUICK_REFERENCE and getting-started/README exist and are true.'),
    open('P-086', 'docs/api has a README, and one for each of the four services.'),
    open('P-087', 'docs/guides has development, deployment, monitoring, testing, services-template, authentication.'),
    open('P-088', 'docs/architecture/README and services/mcp-tools/mcp-providers exist and are true.'),
    open('P-089', 'docs/verification.md and CHANGELOG.md tell what was checked and what changed.'),
    refused(
      'P-090',
      'A documentation checklist, an audit summary and a completion report.',
      'they tell how work was done, not how the product works; docs/verification.md and CHANGELOG.md replace them',
    ),
  ),
  ...from('promises: tests and docs', 'deployment', open('P-091', 'k8s/README.md exists and is true.')),
  ...from(
    'promises: tests and docs',
    'tools',
    done('P-092', 'services/template-api/NEW_SERVICE_GUIDE.md exists and is true.'),
    done('P-093', 'A new service has configuration, logs, traces, a migration, GET and POST, health checks and tests.'),
  ),
  ...from(
    'promises: tests and docs',
    'deployment',
    open('P-094', 'A new service has Dockerfile, Compose, Kong and Helm entries, and one for Prometheus.'),
  ),
  ...from(
    'promises: responses',
    'house',
    done('P-095', 'A run stops after 8 model rounds and cuts a tool after 45 seconds.'),
  ),
  ...from(
    'promises: responses',
    'response-api',
    open('P-096', 'The answer carries the tool trace, the final answer and jan: depth, duration_ms and more.'),
    open('P-097', '/v1/orchestrations takes messages; without a model the assistant’s, the default or first active.'),
    open('P-098', 'Without any model it is 400 and names the setting.'),
    open('P-099', 'assistant_id is optional everywhere.'),
    open('P-100', 'Tools of the client and of the server mix in one run.'),
    open('P-101', 'Calls that wait are approved or denied over the API.'),
    open('P-102', 'jan_execute_tools on chat runs server tools and never reaches a provider.'),
    open('P-103', 'An assistant, an API key or model: "asst_…" switches server tools on for clients as they are.'),
  ),
  ...from(
    'promises: tools',
    'mcp-tools',
    open(
      'P-104',
      'Who may use a tool is listed by kind of caller and by surface: mcp, chat, responses, orchestration.',
    ),
    open('P-105', 'Anonymous users cannot burn a paid key, and may ask the time as often as they like.'),
    open('P-106', 'A flagged route is a tool: named as its operation, with description and schemas of the route.'),
    open('P-107', 'GET or readonly gives readOnlyHint; read-only, PUT and DELETE give idempotentHint.'),
    open('P-108', 'DELETE or destructive gives destructiveHint; openWorldHint is false; the title is humanised.'),
    open('P-109', 'The caller’s authorization is forwarded into the call within the process.'),
    open('P-110', 'A service’s /mcp and /mcp/ both answer, once MCP_ENABLED is on.'),
  ),
]

export const requirements: Requirement[] = [...house, ...tools, ...promises]

if (import.meta.main) process.stdout.write(openTable(requirements))
