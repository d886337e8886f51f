// `age-encryption` also runs in browsers, and its types name one of theirs. We call nothing that takes it.
export {};

declare global {
  type AuthenticationExtensionsPRFValues = never;
}
