import { calculatorTool } from './calculator.tool.ts'
import { fetchJsonTool } from './fetch-json.tool.ts'
import { fileSearchDeleteTool } from './file-search-delete.tool.ts'
import { fileSearchIndexTool } from './file-search-index.tool.ts'
import { fileSearchListTool } from './file-search-list.tool.ts'
import { fileSearchQueryTool } from './file-search-query.tool.ts'
import { getTimeTool } from './get-time.tool.ts'
import { googleSearchTool } from './google-search.tool.ts'
import { jsExecTool, pythonExecTool } from './python-exec.tool.ts'
import { scrapeTool } from './scrape.tool.ts'
import type { Tool } from './tool.ts'

export const builtInTools: Tool[] = [
  googleSearchTool,
  scrapeTool,
  fetchJsonTool,
  fileSearchIndexTool,
  fileSearchQueryTool,
  fileSearchListTool,
  fileSearchDeleteTool,
  pythonExecTool,
  jsExecTool,
  getTimeTool,
  calculatorTool,
]
