import { readFileSync, statSync } from "node:fs";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";

/** Where ucspi-ssl looks when nothing is said. */
const defaults = {
  CERTFILE: "/etc/ssl/certs/ssl-cert-snakeoil.pem",
  KEYFILE: "/etc/ssl/private/ssl-cert-snakeoil.key",
};
/** As everywhere in Quail: what is older is broken. */
const minVersion = "TLSv1.2";

/** The files of an identity, by the variables of ucspi-ssl. */
export type IdentityFiles = { readonly certificate: string; readonly key: string; readonly authorities: string | null };

/** Reads which files an identity has; `null` if it is not to have one of its own (a client). */
export function identityFiles(env: NodeJS.ProcessEnv): IdentityFiles {
  const certificate = env.CERTFILE ?? defaults.CERTFILE;
  // A certificate file may hold the key, too.
  const key = env.KEYFILE ?? env.CERTFILE ?? defaults.KEYFILE;
  return { certificate, key, authorities: env.CCAFILE ?? env.CAFILE ?? null };
}

/** Builds what TLS needs from its files; throws what the disk or OpenSSL says. */
function readContext(files: IdentityFiles, env: NodeJS.ProcessEnv, passphrase: string | null): SecureContext {
  const options: SecureContextOptions = {
    cert: readFileSync(files.certificate),
    key: readFileSync(files.key),
    minVersion,
    ...(files.authorities === null ? {} : { ca: readFileSync(files.authorities) }),
    ...(env.CIPHERS === undefined ? {} : { ciphers: env.CIPHERS }),
    ...(env.DHFILE === undefined ? { dhparam: "auto" } : { dhparam: readFileSync(env.DHFILE) }),
    ...(passphrase === null ? {} : { passphrase }),
  };
  return createSecureContext(options);
}

/**
 * The identity of a server, read now (throws if it cannot be) and again when a file has changed; one that cannot be read then is told to
 * `complain`, and the old one stays.
 */
export function liveIdentity(
  env: NodeJS.ProcessEnv,
  passphrase: string | null,
  complain: (problem: string) => void,
): () => SecureContext {
  const files = identityFiles(env);
  const look = (): string =>
    [files.certificate, files.key, files.authorities ?? files.key]
      .map((path) => statSync(path, { throwIfNoEntry: false }))
      .map((stat) => `${stat?.ino} ${stat?.mtimeMs} ${stat?.size}`)
      .join(",");
  let seen = look();
  let context = readContext(files, env, passphrase);
  return () => {
    const now = look();
    if (now === seen) return context;
    seen = now;
    try {
      context = readContext(files, env, passphrase);
    } catch (error) {
      complain(error instanceof Error ? error.message : String(error));
    }
    return context;
  };
}
