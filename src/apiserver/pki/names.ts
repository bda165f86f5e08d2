import { elements, inside, oidText, stringText, type Element } from './der-reader.ts';

/** A distinguished name in the parts that Kubernetes reads. */
export interface Subject {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  /** Attribute 1.3.6.1.4.1.57683.2, in which Kubernetes looks for the uid of a user. */
  readonly uid?: string;
}

/** Reads a Name (RFC 5280, 4.1.2.4), of several values of one sort the last, of organizations all. */
export function readName(name: Element): Required<Pick<Subject, 'commonName' | 'organizations'>> & Pick<Subject, 'uid'> {
  let commonName = '';
  let uid = '';
  const organizations: string[] = [];
  for (const set of elements(name))
    for (const pair of elements(set)) {
      const reader = inside(pair);
      const type = oidText(reader.next(0x06));
      const value = stringText(reader.next());
      if (type === '2.5.4.3') commonName = value;
      else if (type === '2.5.4.10') organizations.push(value);
      else if (type === '1.3.6.1.4.1.57683.2') uid = value;
    }
  return { commonName, organizations, ...(uid ? { uid } : {}) };
}
