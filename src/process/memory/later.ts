/**
 * Node's cryptography, loaded by whoever first uses it: 0.8 MB that a service at rest does without (import it where it is wanted at
 * every start).
 */
export const cryptoLater = (): typeof import("node:crypto") => process.getBuiltinModule("node:crypto");
