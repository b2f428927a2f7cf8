/**
 * Room `programs`: one thin file per classic command, grouped by the package it came in. This table is the only place where a
 * command's name meets its module; a module is loaded when its command runs, not before.
 */
import type { Program, ProgramIndex } from "#process";
import { asksForHelp, helpText } from "./manual.ts";

type Loader = () => Promise<{ readonly main: Program }>;

/** A report of qmailanalog. */
const report = (name: string) => async () => ({
  main: (await import("./qmailanalog/reports.ts")).reportProgram(name),
});

const table: ReadonlyMap<string, Loader> = new Map<string, Loader>([
  // quail
  ["quail", () => import("./quail/quail.ts")],
  // qmail
  ["bouncesaying", () => import("./qmail/bouncesaying.ts")],
  ["condredirect", () => import("./qmail/condredirect.ts")],
  ["except", () => import("./qmail/except.ts")],
  ["forward", () => import("./qmail/forward.ts")],
  ["maildir2mbox", () => import("./qmail/maildir2mbox.ts")],
  ["maildirmake", () => import("./qmail/maildirmake.ts")],
  ["preline", () => import("./qmail/preline.ts")],
  ["qbiff", () => import("./qmail/qbiff.ts")],
  ["qmail-local", () => import("./qmail/qmail-local.ts")],
  ["qreceipt", () => import("./qmail/qreceipt.ts")],
  ["datemail", () => import("./qmail/datemail.ts")],
  ["mailq", () => import("./qmail/sendmail.ts")],
  ["mailsubj", () => import("./qmail/mailsubj.ts")],
  ["newaliases", () => import("./qmail/sendmail.ts")],
  ["predate", () => import("./qmail/predate.ts")],
  ["qmail-inject", () => import("./qmail/qmail-inject.ts")],
  ["qmail-getpw", () => import("./qmail/qmail-getpw.ts")],
  ["qmail-newmrh", () => import("./qmail/qmail-newmrh.ts")],
  ["qmail-newu", () => import("./qmail/qmail-newu.ts")],
  ["qmail-pw2u", () => import("./qmail/qmail-pw2u.ts")],
  ["qmail-qmqpc", () => import("./qmail/qmail-qmqpc.ts")],
  ["qmail-qmqpd", () => import("./qmail/qmail-qmqpd.ts")],
  ["qmail-qmtpd", () => import("./qmail/qmail-qmtpd.ts")],
  ["qmail-queue", () => import("./qmail/qmail-queue.ts")],
  ["qmail-pop3d", () => import("./qmail/qmail-pop3d.ts")],
  ["qmail-popup", () => import("./qmail/qmail-popup.ts")],
  ["qmail-remote", () => import("./qmail/qmail-remote.ts")],
  ["qmail-tcpok", () => import("./qmail/qmail-tcpok.ts")],
  ["qmail-tcpto", () => import("./qmail/qmail-tcpto.ts")],
  ["qmail-smtpd", () => import("./qmail/qmail-smtpd.ts")],
  ["qmail-clean", () => import("./qmail/roles.ts")],
  ["qmail-lspawn", () => import("./qmail/roles.ts")],
  ["qmail-rspawn", () => import("./qmail/roles.ts")],
  ["qmail-send", () => import("./qmail/roles.ts")],
  ["qmail-upq", () => import("./qmail/qmail-upq.ts")],
  ["qmailctl", () => import("./qmail/qmailctl.ts")],
  ["sendmail", () => import("./qmail/sendmail.ts")],
  ["config", () => import("./quail/setup.ts")],
  ["config-fast", () => import("./quail/setup.ts")],
  ["dnsfq", () => import("./qmail/dns-tools.ts")],
  ["dnsip", () => import("./qmail/dns-tools.ts")],
  ["dnsmxip", () => import("./qmail/dns-tools.ts")],
  ["dnsptr", () => import("./qmail/dns-tools.ts")],
  ["elq", () => import("./qmail/old-readers.ts")],
  ["instcheck", async () => ({ main: (await import("./quail/check.ts")).instcheck })],
  ["ipmeprint", () => import("./qmail/dns-tools.ts")],
  ["maildirwatch", () => import("./qmail/maildirwatch.ts")],
  ["pinq", () => import("./qmail/old-readers.ts")],
  ["qail", () => import("./qmail/old-readers.ts")],
  ["splogger", () => import("./qmail/splogger.ts")],
  ["tcp-env", () => import("./qmail/tcp-env.ts")],
  ["qmail-qread", () => import("./qmail/qmail-qread.ts")],
  ["qmail-qstat", () => import("./qmail/qmail-qstat.ts")],
  ["qmail-showctl", () => import("./qmail/qmail-showctl.ts")],
  ["qmail-start", () => import("./qmail/qmail-start.ts")],
  // ucspi-tcp
  ["addcr", () => import("./ucspi-tcp/filters.ts")],
  ["argv0", () => import("./ucspi-tcp/argv0.ts")],
  ["date@", () => import("./ucspi-tcp/small-clients.ts")],
  ["delcr", () => import("./ucspi-tcp/filters.ts")],
  ["finger@", () => import("./ucspi-tcp/small-clients.ts")],
  ["fixcr", () => import("./ucspi-tcp/filters.ts")],
  ["fixcrio", () => import("./ucspi-tcp/fixcrio.ts")],
  ["http@", () => import("./ucspi-tcp/small-clients.ts")],
  ["mconnect", () => import("./ucspi-tcp/mconnect.ts")],
  ["mconnect-io", async () => ({ main: (await import("./ucspi-tcp/mconnect.ts")).io })],
  ["rblsmtpd", () => import("./ucspi-tcp/rblsmtpd.ts")],
  ["recordio", () => import("./ucspi-tcp/recordio.ts")],
  ["sslclient", () => import("./ucspi-tcp/sslclient.ts")],
  ["sslserver", () => import("./ucspi-tcp/sslserver.ts")],
  ["tcpcat", () => import("./ucspi-tcp/small-clients.ts")],
  ["tcpclient", () => import("./ucspi-tcp/tcpclient.ts")],
  ["tcprules", () => import("./ucspi-tcp/tcprules.ts")],
  ["tcprulescheck", () => import("./ucspi-tcp/tcprulescheck.ts")],
  ["tcpserver", () => import("./ucspi-tcp/tcpserver.ts")],
  ["who@", () => import("./ucspi-tcp/small-clients.ts")],
  // daemontools
  ["envdir", () => import("./daemontools/envdir.ts")],
  ["envini", () => import("./daemontools/envini.ts")],
  ["envuidgid", () => import("./daemontools/envuidgid.ts")],
  ["multilog", () => import("./daemontools/multilog.ts")],
  ["setlock", () => import("./daemontools/setlock.ts")],
  ["setuidgid", () => import("./daemontools/setuidgid.ts")],
  ["setuser", () => import("./daemontools/setuser.ts")],
  ["softlimit", () => import("./daemontools/softlimit.ts")],
  ["fghack", () => import("./daemontools/fghack.ts")],
  ["pgrphack", () => import("./daemontools/pgrphack.ts")],
  ["readproctitle", () => import("./daemontools/readproctitle.ts")],
  ["supervise", () => import("./daemontools/supervise.ts")],
  ["svc", () => import("./daemontools/svc.ts")],
  ["svok", () => import("./daemontools/svok.ts")],
  ["svscan", () => import("./daemontools/svscan.ts")],
  ["svscanboot", () => import("./daemontools/svscanboot.ts")],
  ["svstat", () => import("./daemontools/svstat.ts")],
  ["svup", () => import("./daemontools/svup.ts")],
  ["tai64n", () => import("./daemontools/tai64n.ts")],
  ["tai64nlocal", () => import("./daemontools/tai64nlocal.ts")],
  // safecat
  ["safecat", () => import("./safecat/safecat.ts")],
  ["syncdir", () => import("./safecat/syncdir.ts")],
  // checkpassword
  ["checkpassword", () => import("./checkpassword/checkpassword.ts")],
  // qlogtools
  ["accustamp", async () => ({ main: (await import("./qlogtools/stamps.ts")).accustamp })],
  ["tai2tai64n", async () => ({ main: (await import("./qlogtools/stamps.ts")).tai2tai64n })],
  ["tai64n2tai", async () => ({ main: (await import("./qlogtools/stamps.ts")).tai64n2tai })],
  ["tai64nunix", async () => ({ main: (await import("./qlogtools/stamps.ts")).tai64nunix })],
  ["cyclog", () => import("./qlogtools/cyclog.ts")],
  ["logselect", () => import("./qlogtools/logselect.ts")],
  ["multipipe", () => import("./qlogtools/multipipe.ts")],
  ["qfilelog", () => import("./qlogtools/qfilelog.ts")],
  ["qlogselect", () => import("./qlogtools/qlogselect.ts")],
  ["spipe", () => import("./qlogtools/spipe.ts")],
  ["teepipe", () => import("./qlogtools/teepipe.ts")],
  // qmailanalog
  ["columnt", () => import("./qmailanalog/columnt.ts")],
  ["matchup", () => import("./qmailanalog/matchup.ts")],
  ["mlmatchup", async () => ({ main: (await import("./qmailanalog/matchup.ts")).mlmatchup })],
  ["xqp", async () => ({ main: (await import("./qmailanalog/filters.ts")).xqp })],
  ["xrecipient", async () => ({ main: (await import("./qmailanalog/filters.ts")).xrecipient })],
  ["xsender", async () => ({ main: (await import("./qmailanalog/filters.ts")).xsender })],
  ["zsendmail", async () => ({ main: (await import("./qmailanalog/filters.ts")).zsendmail })],
  ["zddist", report("zddist")],
  ["zdeferrals", report("zdeferrals")],
  ["zfailures", report("zfailures")],
  ["zoverall", report("zoverall")],
  ["zrecipients", report("zrecipients")],
  ["zrhosts", report("zrhosts")],
  ["zrxdelay", report("zrxdelay")],
  ["zsenders", report("zsenders")],
  ["zsuccesses", report("zsuccesses")],
  ["zsuids", report("zsuids")],
]);

/** Every command of ours, by name. */
export const programNames: readonly string[] = [...table.keys()].sort();

/**
 * A program that answers a sole `--help` from its manual, before its module is loaded: asking for help touches nothing, whatever
 * the program would have made of that word.
 */
const withHelp =
  (name: string, load: Loader): Program =>
  async (call) => {
    // quail itself lists its verbs then.
    if (name === "quail" || !asksForHelp(call.args)) return (await load()).main(call);
    const { findManual } = await import("./manuals/index.ts");
    const manual = await findManual(name);
    call.stdout.write(
      manual === null ? `usage: ${name} ...   (nobody has written its manual yet)\n` : helpText(manual),
    );
    return 0;
  };

/** Programs that change the process they run in: under a server that runs chains inside its own, they get one of theirs. */
const needProcess: ReadonlySet<string> = new Set([
  "checkpassword",
  "multilog",
  "setlock",
  "setuidgid",
  "setuser",
  "softlimit",
  "sslclient",
  "tcpclient",
]);

/** Looks a command up by the name an operator types; undefined if it is not ours. */
export const findProgram: ProgramIndex = (name) => {
  const load = table.get(name);
  if (load === undefined) return undefined;
  return Object.assign(async () => withHelp(name, load), { needsProcess: needProcess.has(name) });
};
