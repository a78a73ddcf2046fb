import type { RequestHandler, Router } from 'express'
import { plainError } from './http-error.ts'

type Handlers = Partial<Record<'get' | 'post' | 'put' | 'delete' | 'options', RequestHandler>>

/** One path with its methods; any other method is answered 405. `before` runs first, for the named methods only. */
export function addRoute(router: Router, path: string, handlers: Handlers, before: RequestHandler[] = []): void {
  const route = router.route(path)
  for (const [method, handler] of Object.entries(handlers)) route[method as keyof Handlers](...before, handler)
  route.all(() => {
    throw plainError(405)
  })
}

export const notFound: RequestHandler = () => {
  throw plainError(404)
}
