/**
 * Room `tls`, the part that gets certificates from an authority by ACME (RFC 8555): `obtain` proves that names are ours and brings
 * the certificate, by one of the solvers. Loaded by `quail cert` alone.
 */
export { AcmeError } from "./client.ts";
export { type Challenge, obtain, type Solver, type Wanted } from "./obtain.ts";
export { dnsSolver, httpSolver, tlsSolver } from "./solvers.ts";
