export interface KubeconfigInput {
  server: string;
  caPem: string;
  certPem: string;
  keyPem: string;
  /** Name of the context. */
  name: string;
}

/** A kubeconfig with everything embedded, so that it can be copied. */
export function renderKubeconfig(input: KubeconfigInput): string {
  const b64 = (text: string): string => Buffer.from(text).toString('base64');
  return [
    'apiVersion: v1',
    'kind: Config',
    'clusters:',
    `- name: ${input.name}`,
    '  cluster:',
    `    server: ${input.server}`,
    `    certificate-authority-data: ${b64(input.caPem)}`,
    'users:',
    `- name: ${input.name}-admin`,
    '  user:',
    `    client-certificate-data: ${b64(input.certPem)}`,
    `    client-key-data: ${b64(input.keyPem)}`,
    'contexts:',
    `- name: ${input.name}`,
    '  context:',
    `    cluster: ${input.name}`,
    `    user: ${input.name}-admin`,
    `current-context: ${input.name}`,
    '',
  ].join('\n');
}
