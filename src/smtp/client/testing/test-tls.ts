import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestTls } from "./scripted-server.ts";

const run = promisify(execFile);

/** A key and a self-signed certificate for `name`, made on the spot by openssl(1) and kept nowhere. Null if there is no openssl. */
export async function makeTestTls(name: string): Promise<TestTls | null> {
  const folder = await mkdtemp(join(tmpdir(), "quail-tls-"));
  try {
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const names = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    await run("openssl", ["req", "-x509", ...kind, "-days", "2", "-keyout", key, "-out", cert, ...names]);
    return { key: await readFile(key), cert: await readFile(cert) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  } finally {
    await rm(folder, { recursive: true });
  }
}
