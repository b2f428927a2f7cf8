import { statSync } from "node:fs";
import { findHome } from "#control";
import { getopt, type ProgramCall } from "#process";

const usage = "sendmail: usage: sendmail [ -t ] [ -fsender ] [ -Fname ] [ -bp ] [ -bs ] [ arg ... ]\n" as const;

/**
 * Options with values first. Beyond qmail's `vimte:f:p:o:B:F:EJxb:`, what today's callers give their sendmail: s-nail's
 * `-r sender`, mutt's `-N dsn -R ret`, `-V envid`, `-L tag`, `-h hops`, `-A m`, `-O option=value`, `-X log`, `-C file`, `-d level`, `-G`, `-n`, `-U`.
 */
const letters = "vimte:f:p:o:B:F:E::J::xb:r:N:R:V:L:h:A:O:X:C:d::GnU";

/** Variables that would win over `-f` if they stayed (spec 2.13). */
const unsetBySender = ["QMAILNAME", "MAILNAME", "NAME", "QMAILHOST", "MAILHOST"] as const;

/** What a local user's SMTP session by `-bs` looks like to qmail-smtpd. */
const localSession = {
  RELAYCLIENT: "",
  DATABYTES: "0",
  PROTO: "TCP",
  TCPLOCALIP: "127.0.0.1",
  TCPLOCALHOST: "localhost",
  TCPREMOTEIP: "127.0.0.1",
  TCPREMOTEHOST: "localhost",
  TCPREMOTEINFO: "sendmail-bs",
} as const;

/** What a sendmail command line comes to: another program's, or a sentence and an exit code. */
export type SendmailPlan =
  | { readonly kind: "exec"; readonly words: readonly [string, ...string[]]; readonly env: NodeJS.ProcessEnv }
  | { readonly kind: "fail"; readonly text: string; readonly exitCode: number };

const wrong = { kind: "fail", text: usage, exitCode: 100 } as const satisfies SendmailPlan;

/** Turns sendmail's words into qmail's (spec 2.13). Pure. */
export function planSendmail(name: string, args: readonly string[], env: NodeJS.ProcessEnv): SendmailPlan {
  const parsed = getopt(args, letters);
  if ("problem" in parsed) return { ...wrong, text: `${name}: ${parsed.problem}\n${usage}` };
  let recipientsFrom = "-a";
  let sender: string | null = null;
  let changed = env;
  for (const [letter, value] of parsed.options) {
    if (letter === "t") recipientsFrom = "-H";
    else if (letter === "f" || letter === "r") sender = value;
    else if (letter === "F") changed = { ...changed, MAILNAME: value };
    else if (letter === "b" && value[0] === "p") return readQueue(env);
    else if (letter === "b" && value[0] === "s") return speakSmtp(env);
    else if (letter === "b" && value[0] !== "m") return wrong;
  }
  if (name === "mailq") return readQueue(env);
  if (name === "newaliases") {
    const text = "sendmail: fatal: please use fastforward/newaliases instead\n";
    return { kind: "fail", text, exitCode: 100 };
  }
  const from = sender === null ? [] : ["-f", sender];
  return {
    kind: "exec",
    words: ["qmail-inject", recipientsFrom, ...from, "--", ...parsed.rest],
    env: sender === null ? changed : withSender(changed, sender),
  };
}

const readQueue = (env: NodeJS.ProcessEnv): SendmailPlan => ({ kind: "exec", words: ["qmail-qread"], env });

/** A session that tcpserver or inetd has set up already (PROTO is set) keeps its own facts. */
const speakSmtp = (env: NodeJS.ProcessEnv): SendmailPlan => ({
  kind: "exec",
  words: ["qmail-smtpd"],
  env: env.PROTO === undefined ? { ...env, ...localSession } : env,
});

/** The sender becomes the author too, so that a From made from the environment agrees with it. */
function withSender(env: NodeJS.ProcessEnv, sender: string): NodeJS.ProcessEnv {
  const changed = { ...env };
  for (const variable of unsetBySender) delete changed[variable];
  const at = sender.lastIndexOf("@");
  if (at >= 0) changed.QMAILHOST = sender.slice(at + 1);
  changed.QMAILUSER = at >= 0 ? sender.slice(0, at) : sender;
  return changed;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // Missing or out of reach: there is no working there.
  }
}

/** sendmail, mailq, newaliases: makes the plan come true. */
export async function sendmail(call: ProgramCall): Promise<number> {
  const plan = planSendmail(call.name, call.args, call.env);
  if (plan.kind === "fail") {
    call.stderr.write(plan.text);
    return plan.exitCode;
  }
  if (!isFolder(findHome(call.env))) {
    call.stderr.write("sendmail: fatal: unable to switch to qmail home directory\n");
    return 111;
  }
  return call.exec(plan.words, { env: plan.env });
}
