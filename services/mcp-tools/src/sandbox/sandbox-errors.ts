/** The sandbox cannot run anything: Deno or Pyodide is missing or does not start, or the sandbox was closed. */
export class SandboxUnavailable extends Error {
  override name = 'SandboxUnavailable'
}

/** As many programs are waiting as may wait. */
export class SandboxBusy extends Error {
  override name = 'SandboxBusy'
}
