/**
 * Who a local recipient belongs to: users/cdb, else the accounts (spec 2.6, 5.4, 5.5). Trouble of any kind is a temporary
 * outcome in qmail-lspawn's words (spec 4.9); nothing found here bounces mail.
 */
import type { ByteString } from "#bytes";
import { errorText } from "#files";
import { done, type LocalRoute, type Outcome, temporary } from "#mail";
import { type AccountSources, type Asked, findByAccount, HomeTrouble, ownerOf } from "./account.ts";
import { type Assigned, openAssigned } from "./assigned.ts";
import { openNameService } from "./name-service.ts";
import { type Account, openPasswd } from "./passwd.ts";

/** Everything the answer hangs on; `openUserSources` makes it for a home, a test makes it of literals. */
export type UserSources = AccountSources & {
  /** What users/cdb says. Throws if it is unreadable or corrupt. */
  readonly assigned: (local: ByteString) => Assigned | null;
  /** Why this process cannot serve a user's mail; null: it can. Asked after uid 0 has been refused. */
  readonly refusal: (route: LocalRoute) => Outcome | null;
  /** Uid 0 may be served (a trial start as root that runs no programs). */
  readonly superuser: boolean;
};

/** The answer, and which file or account gave it. */
export type FoundUser =
  | { readonly kind: "route"; readonly route: LocalRoute; readonly via: string }
  | { readonly kind: "outcome"; readonly outcome: Outcome; readonly via: string };

/** One step of the search and its answer. Words for people. */
export type Question = { readonly question: string; readonly answer: string };

/** The ways the look-up can fail for now, as qmail-lspawn words them (codes 113 and 115 to 118 of spec 4.9). */
const trouble = {
  superuser: temporary("Not allowed to perform deliveries as root."),
  noAlias: temporary("Unable to find alias user!"),
  cdb: temporary("Trouble reading users/cdb in qmail-lspawn."),
  home: temporary("NFS failure in qmail-local."),
  accounts: temporary("Temporary failure in qmail-lspawn."),
} as const;

const failed = (outcome: Outcome, via: string): FoundUser => ({ kind: "outcome", outcome, via });

/** The last check: whoever it is, may their mail be delivered from here? */
function allowed(route: LocalRoute, via: string, sources: UserSources): FoundUser {
  if (route.uid === 0 && !sources.superuser) return failed(trouble.superuser, via);
  const refusal = sources.refusal(route);
  return refusal === null ? { kind: "route", route, via } : failed(refusal, via);
}

/**
 * Finds the user of a local part (before the last `@`, virtual prefix applied). An empty one is the trash: done, with no
 * text. Every other outcome is temporary. Never throws.
 */
export async function findUser(local: ByteString, sources: UserSources, asked: Asked = () => {}): Promise<FoundUser> {
  if (local === "") return failed(done(), "empty local part");
  let assigned: Assigned | null;
  try {
    assigned = sources.assigned(local);
  } catch (error) {
    asked("users/cdb", `trouble: ${errorText(error)}`);
    return failed(trouble.cdb, "users/cdb");
  }
  asked("users/cdb", assigned === null ? "no entry" : `${assigned.key}:`);
  if (assigned !== null) return allowed(assigned.route, `users/cdb ${assigned.key}:`, sources);
  try {
    const found = await findByAccount(local, sources, asked);
    return found === null ? failed(trouble.noAlias, "accounts") : allowed(found.route, found.via, sources);
  } catch (error) {
    asked("accounts", `trouble: ${errorText(error)}`);
    return failed(error instanceof HomeTrouble ? trouble.home : trouble.accounts, "accounts");
  }
}

/** As `findUser`, with every question asked on the way and its answer. */
export async function explainUser(
  local: ByteString,
  sources: UserSources,
): Promise<{ readonly questions: readonly Question[]; readonly found: FoundUser }> {
  const questions: Question[] = [];
  const found = await findUser(local, sources, (question, answer) => questions.push({ question, answer }));
  return { questions, found };
}

/** Where a process's sources differ from the system's. */
export type SourceChoices = Partial<Pick<UserSources, "aliasName" | "breakCharacter" | "refusal" | "superuser">> & {
  /** The passwd file; /etc/passwd if left out. */
  readonly passwd?: string;
  /** Accounts that stand in no file; the system's name service if left out, null for none. */
  readonly nameService?: ((name: ByteString) => Promise<Account | null>) | null;
};

/** The sources of a home on this machine: users/cdb, /etc/passwd, then the name service for names that are not there. */
export function openUserSources(home: string, choices: SourceChoices = {}): UserSources {
  const inFile = openPasswd(choices.passwd ?? "/etc/passwd");
  let elsewhere = choices.nameService;
  return {
    home,
    assigned: openAssigned(`${home}/users/cdb`),
    account: async (name) => {
      const account = inFile(name);
      if (account !== null) return account;
      // Opened at the first name it is needed for: many a machine never does.
      if (elsewhere === undefined) elsewhere = openNameService();
      return elsewhere === null ? null : elsewhere(name);
    },
    ownerOf,
    aliasName: choices.aliasName ?? "alias",
    breakCharacter: choices.breakCharacter ?? "-",
    refusal: choices.refusal ?? (() => null),
    superuser: choices.superuser ?? false,
  };
}
