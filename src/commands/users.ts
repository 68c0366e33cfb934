import { commandOf } from './command.js'
import { subcommand as confirm } from './users/confirm.js'
import { subcommand as create } from './users/create.js'
import { subcommand as deleteUser } from './users/delete.js'
import { subcommand as disable } from './users/disable.js'
import { subcommand as email } from './users/email.js'
import { subcommand as enable } from './users/enable.js'
import { subcommand as exportUsers } from './users/export.js'
import { subcommand as importUsers } from './users/import.js'
import { subcommand as invite } from './users/invite.js'
import { subcommand as list } from './users/list.js'
import { subcommand as logout } from './users/logout.js'
import { subcommand as rename } from './users/rename.js'
import { subcommand as resend } from './users/resend.js'
import { subcommand as reset } from './users/reset.js'
import { subcommand as role } from './users/role.js'
import { subcommand as show } from './users/show.js'
import { subcommand as twoStep } from './users/two-step.js'
import { subcommand as unlock } from './users/unlock.js'

export const command = commandOf({
  name: 'users',
  summary: 'List, show, create, change, delete, import or export users',
  intro: 'Manage user accounts.',
  subcommands: [
    ...[list, show, create, invite, rename, email, confirm, resend, logout],
    ...[unlock, disable, enable, reset, twoStep, role, importUsers, exportUsers, deleteUser],
  ],
})
