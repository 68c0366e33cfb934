/** The password of every user that is seeded. */
export const PASSWORD = 'correct horse 42'

/** A sign-up that breaks a rule of each field, and what is said of it. */
export const REFUSED = {
  typed: { username: 'ab', email: 'nobody', password: 'zq8#f', repassword: 'other' },
  errors: [
    { field: 'username', text: 'Username must be between 3 and 25 characters.' },
    { field: 'email', text: 'Enter an email address like name@example.com.' },
    { field: 'password', text: 'Password must be at least 8 characters.' },
    { field: 'repassword', text: 'The passwords do not match. Enter the same one twice.' },
  ],
}

/** A sign-up in which only the repeated password is another one. Both are strong. */
export const MISTYPED = {
  username: 'Somebody new',
  email: 'somebody@example.com',
  password: 'grapefruit ladder 77 Oslo',
  repassword: 'tangerine stairs 31 Rome',
}

// Nothing is looked behind for: that would be done at each letter, and take longer than all else that a visitor does.
const CHANGING = /(value=")[\w-]{22,43}(?=")|(\/assets\/[a-z-]+\.)[\w-]{12}(?=\.)|([Bb]ench)\d+/g

/** An answer without what is another one each time: tokens, and by which number a user goes. */
export function masked(html: string): string {
  return html.replaceAll(CHANGING, '$1$2$3')
}
