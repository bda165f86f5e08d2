import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { systemClock, type Logger, type Metrics } from '#base';
import { Audit, Fairness, fileSink, readAuditPolicy, standardOutput, type AuditPolicy, type AuditSink } from '#apiserver';
import { defaultFlowSchemas, defaultPriorityLevels } from '#kinds';
import { parseYaml } from '#machinery';
import { UserError } from './errors.ts';
import type { UpOptions } from './options.ts';

/** What is around every request, as it was asked for. */
export interface Filters {
  readonly audit?: Audit;
  readonly fairness?: Fairness;
}

type Options = Pick<UpOptions, 'auditLog' | 'auditPolicy' | 'auditLogMaxSize' | 'auditLogMaxBackup' | 'maxRequestsInFlight'>;

/** Rejects with UserError when the audit policy or log cannot be used. */
export async function openFilters(options: Options, metrics: Metrics, log: Logger): Promise<Filters> {
  const { maxRequestsInFlight: seats, auditLog, auditPolicy } = options;
  if (auditPolicy !== undefined && auditLog === undefined) throw new UserError('--audit-policy-file needs --audit-log-path: say where the events go');
  const builtIn = { schemas: defaultFlowSchemas, levels: defaultPriorityLevels };
  const policy = auditPolicy === undefined ? undefined : await loadPolicy(auditPolicy);
  return {
    ...(seats > 0 ? { fairness: new Fairness({ clock: systemClock, seats, builtIn, metrics }) } : {}),
    ...(auditLog === undefined ? {} : { audit: new Audit({ clock: systemClock, policy, metrics, sink: await openSink(auditLog, options, metrics, log) }) }),
  };
}

async function loadPolicy(file: string): Promise<AuditPolicy> {
  try {
    return readAuditPolicy((await parseYaml(readFileSync(file, 'utf8'))).value);
  } catch (error) {
    throw new UserError(`the audit policy ${file} cannot be used: ${(error as Error).message}`);
  }
}

async function openSink(path: string, { auditLogMaxSize, auditLogMaxBackup }: Options, metrics: Metrics, log: Logger): Promise<AuditSink> {
  if (path === '-') return standardOutput();
  const errors = metrics.counter({
    name: 'apiserver_audit_error_total',
    help: 'Counter of audit events that failed to be audited properly.',
    labels: ['plugin'],
    stability: 'ALPHA',
  });
  const lost = (events: number): void => errors.with('log').inc(events);
  try {
    return await fileSink({
      path: resolve(path),
      clock: systemClock,
      log: log.named('audit'),
      maxBytes: auditLogMaxSize * 1024 * 1024,
      maxBackups: auditLogMaxBackup,
      lost,
    });
  } catch (error) {
    throw new UserError(`the audit log cannot be opened: ${(error as Error).message}`);
  }
}
