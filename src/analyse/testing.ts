/**
 * For tests and benchmarks: a log as the queue service writes one. Messages come in with several recipients, local and remote, some
 * deferred and tried again, some refused; a few are never finished.
 */
import { externalTai64n } from "#log";

/** Where the luck comes from; the same numbers make the same log. */
export type Luck = {
  below(limit: number): number;
  pick<T>(values: readonly [T, ...T[]]): T;
};

/** A small generator of such luck. */
export function luckOf(seed: number): Luck {
  let state = seed >>> 0;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * limit);
  };
  return { below, pick: (values) => values[below(values.length)] ?? values[0] };
}

const successes = [
  "192.0.2.7_accepted_message./Remote_host_said:_250_2.0.0_Ok:_queued_as_4F1C2/",
  "2001:db8::25_accepted_message./Remote_host_said:_250_ok_1700000000_qp_4711/",
  "198.51.100.4_accepted_message./Remote_host_said:_250_ok/",
] as const;
const deferrals = [
  "Sorry,_I_wasn't_able_to_establish_an_SMTP_connection._(#4.4.1)/",
  "192.0.2.7_does_not_like_recipient./Remote_host_said:_451_4.7.1_Greylisted,_try_again_in_300_seconds/Giving_up_on_192.0.2.7./",
  "Connected_to_198.51.100.4_but_connection_died._(#4.4.2)/",
  "CNAME_lookup_failed_temporarily._(#4.4.3)/",
] as const;
const failures = [
  "192.0.2.7_does_not_like_recipient./Remote_host_said:_550_5.1.1_User_unknown/Giving_up_on_192.0.2.7./",
  "Sorry,_no_mailbox_here_by_that_name._(#5.1.1)/",
] as const;

/** How wide the names spread, and what share of lines may pile up open. */
export type LogShape = { readonly senders: number; readonly hosts: number; readonly users: number };
const usual: LogShape = { senders: 5_000, hosts: 3_000, users: 40 };

type Due = { readonly at: number; readonly act: (at: number) => void };

/** Lines without LF, at least `count` of them, in order of time. */
export function* logLines(count: number, random: Luck, shape: LogShape = usual): Generator<string> {
  const due: Due[][] = []; // By second from now: what happens then.
  const startSecond = 1_700_000_000;
  let second = 0;
  let nanos = 0;
  let made = 0;
  let message = 1000;
  let delivery = 0;
  let out: string[] = [];
  const say = (text: string): void => {
    nanos = Math.min(nanos + 100_000 + random.below(400_000), 999_999_999);
    out.push(`${externalTai64n(startSecond + second, nanos)} ${text}`);
  };
  const after = (seconds: number, act: Due["act"]): void => {
    (due[second + seconds] ??= []).push({ at: second + seconds, act });
  };
  const attempt = (id: number, recipient: string, tries: number, ended: () => void): void => {
    const number = ++delivery;
    say(`starting delivery ${number}: msg ${id} to ${recipient}`);
    after(recipient.startsWith("local") ? 0 : 1 + random.below(4), () => {
      const luck = random.below(100);
      if (luck < 12 && tries < 5) {
        say(`delivery ${number}: deferral: ${random.pick(deferrals)}`);
        after(400 * (tries + 1) ** 2, () => attempt(id, recipient, tries + 1, ended));
        return;
      }
      if (luck < 16) say(`delivery ${number}: failure: ${random.pick(failures)}`);
      else if (recipient.startsWith("local")) say(`delivery ${number}: success: did_1+0+0/`);
      else say(`delivery ${number}: success: ${random.pick(successes)}`);
      ended();
    });
  };
  const enter = (): void => {
    const id = ++message;
    const sender = `user${random.below(shape.senders)}@sender${random.below(50)}.example`;
    say(`new msg ${id}`);
    say(
      `info msg ${id}: bytes ${500 + random.below(200_000)} from <${sender}> qp ${id} uid ${random.below(40) + 1000}`,
    );
    let open = 1 + (random.below(10) === 0 ? random.below(20) : 0);
    const ended = (): void => {
      if (--open === 0) say(`end msg ${id}`);
    };
    for (let n = open; n > 0; n--) {
      const user = `u${random.below(shape.users)}`;
      const isLocal = random.below(4) === 0;
      attempt(
        id,
        isLocal ? `local ${user}@here.example` : `remote ${user}@h${random.below(shape.hosts)}.example`,
        0,
        ended,
      );
    }
  };
  say("running");
  for (; made < count; second++, nanos = 0) {
    const busy = 3 + Math.round(3 * Math.sin(second / 2000));
    for (let n = random.below(busy * 4 + 1); n > 0; n--) enter();
    for (let at = 0; at < (due[second]?.length ?? 0); at++) due[second]![at]!.act(second);
    delete due[second];
    made += out.length;
    yield* out;
    out = [];
  }
}
