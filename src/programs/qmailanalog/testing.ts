/** The programs of qmailanalog, for their tests. */
export { main as columnt } from "./columnt.ts";
export { xqp, xrecipient, xsender, zsendmail } from "./filters.ts";
export { main as matchup, mlmatchup } from "./matchup.ts";
export { reportProgram } from "./reports.ts";
