import type { FieldCipher } from '@jan/service-kit/field-encryption'

export const sealJson = (cipher: FieldCipher, value: unknown, place: string): string =>
  cipher.encrypt(JSON.stringify(value), place)

/** What `sealJson` made for the same place. @throws FieldEncryptionError for anything else */
export const openJson = <T>(cipher: FieldCipher, sealed: string, place: string): T =>
  JSON.parse(cipher.decrypt(sealed, place))
