/** The smallest complete kind, to copy from: what to write is in docs/adding-a-kind.md. A test keeps it alive. */
import { defineKind, type CompactTypes, type Kind, type KubeObject } from '#machinery';
import { ageColumn, column, nameColumn } from './support/columns.ts';
import { invalidValue } from './support/errors.ts';

export interface Greeting extends KubeObject {
  spec?: { text?: string; times?: number };
  status?: { said?: number };
}

/** Only for kinds that Kubernetes does not have: its own are generated. */
export const greetingTypes: CompactTypes = {
  Greeting: { apiVersion: 's', kind: 's', metadata: 'V1ObjectMeta', spec: 'GreetingSpec', status: 'GreetingStatus' },
  GreetingSpec: { text: 's', times: 'i' },
  GreetingStatus: { said: 'i' },
};

export const Greeting: Kind<Greeting> = defineKind<Greeting>({
  group: 'hello.example',
  version: 'v1',
  kind: 'Greeting',
  plural: 'greetings',
  namespaced: true,
  schema: 'Greeting',
  status: true,
  columns: [nameColumn, column('Text', 'string', 'What is said.', (greeting) => greeting.spec?.text), ageColumn],
  defaults(greeting) {
    (greeting.spec ??= {}).times ??= 1;
  },
  prepareCreate(greeting) {
    greeting.status = {};
  },
  validate: ({ spec }) => ((spec?.times ?? 1) < 1 ? [invalidValue('spec.times', spec?.times, 'must be greater than 0')] : []),
});
