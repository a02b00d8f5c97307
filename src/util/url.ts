// Addresses as people may see them: a user's name and password in one are nobody else's business.

/** The text with `…` for the user and the password of each address in it. */
export function withoutPasswords(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/]*@/gi, "$1…@");
}
