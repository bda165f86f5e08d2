import { readFileSync } from 'node:fs';

/** A policy that AWS keeps for everybody. */
export interface ManagedPolicy {
  readonly name: string;
  readonly arn: string;
  readonly path: string;
  readonly createDate: string;
  readonly updateDate: string;
  /** `v1`. */
  readonly version: string;
  readonly document: string;
  readonly id: string;
}
interface Raw {
  readonly path: string;
  readonly created: string;
  readonly updated: string;
  readonly version: string;
  readonly document: unknown;
}

let byArn: ReadonlyMap<string, ManagedPolicy> | undefined;
/** By ARN. 200 KB of documents, read when somebody asks for one. */
function policies(): ReadonlyMap<string, ManagedPolicy> {
  if (byArn) return byArn;
  const raw = JSON.parse(readFileSync(new URL('./policies.json', import.meta.url), 'utf8')) as Record<string, Raw>;
  const made = Object.entries(raw).map(([name, one], i): [string, ManagedPolicy] => {
    const arn = `arn:aws:iam::aws:policy${one.path}${name}`;
    const id = `ANPAI${String(i)
      .padStart(4, '0')
      .replaceAll(/\d/g, (digit) => 'ABCDEFGHIJ'[Number(digit)] as string)}BATUTAMANAGED`.slice(0, 21);
    return [
      arn,
      { name, arn, path: one.path, createDate: one.created, updateDate: one.updated, version: one.version, document: JSON.stringify(one.document), id },
    ];
  });
  return (byArn = new Map(made));
}

const prefix = 'arn:aws:iam::aws:policy/';
export const managedPolicy = (arn: string): ManagedPolicy | undefined => (arn.startsWith(prefix) ? policies().get(arn) : undefined);
export const managedDocument = (arn: string): string | undefined => managedPolicy(arn)?.document;
export const allManagedPolicies = (): ManagedPolicy[] => [...policies().values()];
