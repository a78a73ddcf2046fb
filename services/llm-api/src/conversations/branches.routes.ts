import { type Route, route } from '@jan/service-kit/route'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { activateBranch } from './activate-branch.ts'
import { ConversationAnswer } from './conversation.schema.ts'
import { editItem } from './edit-item.ts'
import { BranchList, EditedItem, EditItem } from './item.schema.ts'
import { listBranches } from './list-branches.ts'
import { presentBranch, presentConversation } from './present-conversation.ts'
import { presentItem } from './present-item.ts'
import { common } from './rights.ts'

const Params = z.object({ id: z.string() })

export const branchRoutes = (deps: Deps): Route[] => [
  route({
    ...common,
    operation: 'edit_conversation_item',
    method: 'post',
    path: '/v1/conversations/{id}/items/{item_id}/edit',
    summary: 'Say an item differently, in a branch of its own',
    description:
      'The branch holds everything before the item and the edited one. Shared items keep their ids, and the branch that ' +
      'the item was in stays as it is.',
    params: Params.extend({ item_id: z.string() }),
    body: EditItem,
    answers: { 200: EditedItem },
    idempotent: true,
    handler: async ({ params, body: { activate, ...fields }, who }) => {
      const edit = { id: params.id, itemId: params.item_id, fields, activate }
      const { branch, item } = await editItem(deps, who, edit)
      return { ...presentBranch(branch, activate ? branch.name : ''), item: presentItem(item) }
    },
  }),
  route({
    ...common,
    operation: 'list_conversation_branches',
    method: 'get',
    path: '/v1/conversations/{id}/branches',
    summary: 'List the branches of a conversation',
    description: 'All of them, in the order in which they began.',
    params: Params,
    answers: { 200: BranchList },
    handler: ({ params, who }) => listBranches(deps, who, params.id),
  }),
  route({
    ...common,
    operation: 'activate_conversation_branch',
    method: 'post',
    path: '/v1/conversations/{id}/branches/{branch}/activate',
    summary: 'Go on with a branch',
    params: Params.extend({ branch: z.string() }),
    answers: { 200: ConversationAnswer },
    handler: async ({ params, who }) => presentConversation(await activateBranch(deps, who, params)),
  }),
]
