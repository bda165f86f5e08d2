import type { UserInfo } from '#machinery';
import type { Authorizer } from '../types.ts';

/** The signers of every cluster ("Kubernetes signers"). */
export const signerNames = {
  apiClient: 'kubernetes.io/kube-apiserver-client',
  kubeletClient: 'kubernetes.io/kube-apiserver-client-kubelet',
  kubeletServing: 'kubernetes.io/kubelet-serving',
  legacyUnknown: 'kubernetes.io/legacy-unknown',
} as const;

/** Whether the user may `approve` or `sign` for a signer, by its name or by all names of its domain. */
export function mayForSigner(authorizer: Authorizer, user: UserInfo, verb: 'approve' | 'sign', signerName: string): boolean {
  const ask = (name: string): boolean =>
    authorizer.authorize({
      user,
      verb,
      resource: true,
      group: 'certificates.k8s.io',
      version: '*',
      plural: 'signers',
      subresource: '',
      namespace: '',
      name,
      path: '',
    }).allowed;
  return ask(signerName) || ask(`${signerName.split('/')[0] ?? ''}/*`);
}
