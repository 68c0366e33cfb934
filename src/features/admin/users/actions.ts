import { disable, enable } from '../../../accounts/disabling.js'
import { requestEmailChange } from '../../../accounts/email-address.js'
import { sendConfirmation, setAddress } from '../../../accounts/email-by-operator.js'
import { confirmAddress } from '../../../accounts/email-confirmation.js'
import { endSessions } from '../../../accounts/ending-sessions.js'
import { eraseByCode } from '../../../accounts/erasing.js'
import { normalizeEmail, normalizeName } from '../../../accounts/fields.js'
import type { Origin } from '../../../accounts/origin.js'
import { resetPassword } from '../../../accounts/password.js'
import type { Registry } from '../../../accounts/registry.js'
import { addRole, isRole, removeRole } from '../../../accounts/roles.js'
import { turnOff } from '../../../accounts/two-step.js'
import { unlock } from '../../../accounts/unlocking.js'
import { rename, wantedName } from '../../../accounts/username.js'
import type { StoredUser } from '../../../tables/users.js'
import type { FieldError, Message, Values } from '../../../web/form.js'

export type Typed = Values<'reason' | 'username' | 'email' | 'role' | 'change' | 'confirmed'>

export interface Request {
  origin: Origin & { form: string }
  registry: Registry
  user: StoredUser
  typed: Typed
}

/** `done` is false if there was nothing to do, as after a double click. */
export type Done = { done: boolean } | { errors: readonly FieldError[] }

export interface Action {
  title: Message
  lead: Message
  /** For sites that send no emails. */
  leadWithoutMail?: Message
  field?: 'username' | 'email' | 'role'
  isDanger?: true
  isPossible(user: StoredUser, registry: Registry): boolean
  act(request: Request): Promise<Done>
}

const NAME_DIFFERS = {
  field: 'username',
  code: 'admin_name_differs',
  sentence: 'The username does not match. Nothing was deleted.',
}
const ROLE_WRONG = {
  field: 'role',
  code: 'role_wrong',
  sentence: 'Role must be up to 32 lowercase letters, digits, _ and -, beginning with a letter.',
}

/** Keys are the names of the commands, in the order of the page. */
export const ACTIONS: Readonly<Record<string, Action>> = {
  rename: {
    title: { code: 'admin_rename', sentence: 'Change username' },
    lead: {
      code: 'admin_rename_lead',
      sentence: 'Changes the username of {name}, with the rules of sign-up. The user gets an email.',
    },
    leadWithoutMail: {
      code: 'admin_rename_lead_without_mail',
      sentence: 'Changes the username of {name}, with the rules of sign-up.',
    },
    field: 'username',
    isPossible: () => true,
    act: async ({ origin, registry, user, typed }) =>
      doneUnless(await rename(origin, registry, user, wantedName(typed.username))),
  },
  email: {
    title: { code: 'admin_email', sentence: 'Change email address' },
    lead: {
      code: 'admin_email_lead',
      sentence:
        'Sends a link to the new address of {name}. The address changes once the link is opened, or now if you tick the box.',
    },
    field: 'email',
    isPossible: (_, { rules }) => rules.emails === 'required',
    act: changeAddress,
  },
  confirm: {
    title: { code: 'admin_confirm', sentence: 'Confirm email address' },
    lead: {
      code: 'admin_confirm_lead',
      sentence: 'Treats the email address of {name} as confirmed. Make sure that it is theirs.',
    },
    isPossible: ({ email, emailConfirmedAt }, { rules }) =>
      rules.emails === 'required' && email !== null && emailConfirmedAt === null,
    act: async ({ origin, registry, user }) => ({
      done: (await confirmAddress(origin, registry, { account: { user } })) === 'now',
    }),
  },
  resend: {
    title: { code: 'admin_resend', sentence: 'Send the confirmation again' },
    lead: {
      code: 'admin_resend_lead',
      sentence: 'Sends {name} another email with a link to confirm the address.',
    },
    isPossible: ({ email, emailConfirmedAt, nextEmail }, { outbox }) =>
      outbox.isOn && ((email !== null && emailConfirmedAt === null) || nextEmail !== null),
    act: sendAgain,
  },
  logout: {
    title: { code: 'admin_logout', sentence: 'Log out everywhere' },
    lead: {
      code: 'admin_logout_lead',
      sentence: 'Ends all sessions of {name} and forgets their devices. The password stays the same.',
    },
    isPossible: () => true,
    act: async ({ origin, registry, user }) => doneIf(await endSessions(origin, registry, user.id)),
  },
  unlock: {
    title: { code: 'admin_unlock', sentence: 'Unlock' },
    lead: {
      code: 'admin_unlock_lead',
      sentence:
        'Forgets the failed logins and wrong codes of {name}, so that the account is no longer blocked.',
    },
    isPossible: () => true,
    act: async ({ origin, registry, user }) => {
      await unlock(origin, registry, user, { reason: origin.reason })
      return { done: true }
    },
  },
  reset: {
    title: { code: 'admin_reset', sentence: 'Reset the password' },
    lead: {
      code: 'admin_reset_lead',
      sentence:
        'Logs {name} out everywhere and makes the password stop working. The user gets an email with a link to choose a new one.',
    },
    isPossible: ({ email, disabledAt }, { outbox }) => outbox.isOn && email !== null && disabledAt === null,
    act: async ({ origin, registry, user }) =>
      doneIf(await resetPassword(origin, registry, user, { password: undefined })),
  },
  'two-step': {
    title: { code: 'admin_two_step', sentence: 'Turn off two-step verification' },
    lead: {
      code: 'admin_two_step_lead',
      sentence:
        'For someone who lost the app and the codes. Make sure first that you know who is asking: this also removes the passkeys, so that the password alone opens the account. Without a password, send a link to choose one.',
    },
    isPossible: ({ secondStepAt }) => secondStepAt !== null,
    act: async ({ origin, registry, user }) => doneIf(await turnOff(origin, registry, user)),
  },
  role: {
    title: { code: 'admin_role', sentence: 'Change roles' },
    lead: {
      code: 'admin_role_lead',
      sentence:
        'Gives {name} a role, or takes one away. The role admin opens these pages. Other roles matter only to the app.',
    },
    field: 'role',
    isPossible: () => true,
    act: changeRole,
  },
  disable: {
    title: { code: 'admin_disable', sentence: 'Disable' },
    lead: {
      code: 'admin_disable_lead',
      sentence: 'Logs {name} out everywhere, and blocks logins until the account is enabled again.',
    },
    isDanger: true,
    isPossible: ({ disabledAt }) => disabledAt === null,
    act: async ({ origin, registry, user }) =>
      doneIf(await disable(origin, registry, user.id, { reason: origin.reason || undefined })),
  },
  enable: {
    title: { code: 'admin_enable', sentence: 'Enable' },
    lead: { code: 'admin_enable_lead', sentence: 'Lets {name} log in again.' },
    isPossible: ({ disabledAt }) => disabledAt !== null,
    act: async ({ origin, registry, user }) => doneIf(await enable(origin, registry, user)),
  },
  delete: {
    title: { code: 'admin_delete', sentence: 'Delete' },
    lead: {
      code: 'admin_delete_lead',
      sentence:
        'Deletes {name} and everything stored about the account now. This cannot be undone. Enter the username to confirm.',
    },
    field: 'username',
    isDanger: true,
    isPossible: () => true,
    act: async ({ origin, registry, user, typed }) => {
      if (normalizeName(typed.username) !== user.name) return { errors: [NAME_DIFFERS] }
      return { done: await eraseByCode(origin, registry, user.id) }
    },
  },
}

function doneIf(outcome: object | undefined): Done {
  return { done: outcome !== undefined }
}

function doneUnless(errors: readonly FieldError[]): Done {
  return errors.length > 0 ? { errors } : { done: true }
}

async function changeAddress({ origin, registry, user, typed }: Request): Promise<Done> {
  const email = normalizeEmail(typed.email)
  const isNow = typed.confirmed !== '' || !registry.outbox.isOn
  return doneUnless(
    isNow
      ? await setAddress(origin, registry, user, email)
      : await requestEmailChange(origin, registry, user, { email, form: origin.form }),
  )
}

async function sendAgain({ origin, registry, user }: Request): Promise<Done> {
  return { done: (await sendConfirmation(origin, registry, user)) !== undefined }
}

async function changeRole({ origin, registry, user, typed }: Request): Promise<Done> {
  const role = typed.role.trim()
  if (!isRole(role)) return { errors: [ROLE_WRONG] }
  const change = typed.change === 'remove' ? removeRole : addRole
  return { done: await change(origin, registry, user.id, role) }
}
