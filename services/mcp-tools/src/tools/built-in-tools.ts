import { googleSearchTool } from './google-search.tool.ts'
import { jsExecTool, pythonExecTool } from './python-exec.tool.ts'
import { scrapeTool } from './scrape.tool.ts'
import type { Tool } from './tool.ts'

export const builtInTools: Tool[] = [googleSearchTool, scrapeTool, pythonExecTool, jsExecTool]
