import { commandOf } from './command.js'
import { part as confirm } from './users/confirm.js'
import { part as create } from './users/create.js'
import { part as deleteUser } from './users/delete.js'
import { part as disable } from './users/disable.js'
import { part as email } from './users/email.js'
import { part as enable } from './users/enable.js'
import { part as exportUsers } from './users/export.js'
import { part as importUsers } from './users/import.js'
import { part as invite } from './users/invite.js'
import { part as list } from './users/list.js'
import { part as logout } from './users/logout.js'
import { part as rename } from './users/rename.js'
import { part as resend } from './users/resend.js'
import { part as reset } from './users/reset.js'
import { part as role } from './users/role.js'
import { part as show } from './users/show.js'
import { part as twoStep } from './users/two-step.js'
import { part as unlock } from './users/unlock.js'

export const command = commandOf({
  name: 'users',
  summary: 'List, show, create, change, delete, import or export users',
  intro: 'Manage user accounts.',
  parts: [
    ...[list, show, create, invite, rename, email, confirm, resend, logout],
    ...[unlock, disable, enable, reset, twoStep, role, importUsers, exportUsers, deleteUser],
  ],
})
