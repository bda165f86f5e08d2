import { formatTime } from '#base';
import { isReady, type NodeGroup, type V1Node } from '#kinds';
import { boundsOf, nameOf } from './types.ts';

export interface GroupView {
  readonly group: NodeGroup;
  readonly nodes: readonly V1Node[];
  readonly candidates: number;
}
/** What `kubectl -n kube-system get configmap cluster-autoscaler-status -o yaml` shows. */
export function statusText(groups: readonly GroupView[], nodes: readonly V1Node[], now: number): string {
  const probe = `lastProbeTime: ${quoted(formatTime(now))}`;
  const candidates = groups.reduce((sum, one) => sum + one.candidates, 0);
  const growing = groups.some(isGrowing);
  const lines = [
    `time: ${quoted(formatTime(now))}`,
    'autoscalerStatus: Running',
    'clusterWide:',
    ...indented(health(nodes, probe)),
    ...indented(['scaleUp:', `  status: ${growing ? 'InProgress' : 'NoActivity'}`, `  ${probe}`]),
    ...indented([
      'scaleDown:',
      `  status: ${candidates > 0 ? 'CandidatesPresent' : 'NoCandidates'}`,
      ...(candidates > 0 ? [`  candidates: ${candidates}`] : []),
      `  ${probe}`,
    ]),
    'nodeGroups:',
    ...groups.flatMap((view) => {
      const { size, min, max } = boundsOf(view.group);
      return [
        `- name: ${quoted(nameOf(view.group))}`,
        ...indented([
          ...health(view.nodes, probe),
          `  cloudProviderTarget: ${size}`,
          `  minSize: ${min}`,
          `  maxSize: ${max}`,
          'scaleUp:',
          `  status: ${isGrowing(view) ? 'InProgress' : 'NoActivity'}`,
          `  ${probe}`,
          'scaleDown:',
          `  status: ${view.candidates > 0 ? 'CandidatesPresent' : 'NoCandidates'}`,
          ...(view.candidates > 0 ? [`  candidates: ${view.candidates}`] : []),
          `  ${probe}`,
        ]),
      ];
    }),
  ];
  return `${lines.join('\n')}\n`;
}
const quoted = (text: string): string => JSON.stringify(text);
const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);
const isGrowing = ({ group, nodes }: GroupView): boolean => nodes.filter(isReady).length < boundsOf(group).size;
function health(nodes: readonly V1Node[], probe: string): string[] {
  const ready = nodes.filter(isReady).length;
  return [
    'health:',
    '  status: Healthy',
    '  nodeCounts:',
    '    registered:',
    `      total: ${nodes.length}`,
    `      ready: ${ready}`,
    `      notStarted: ${nodes.length - ready}`,
    '    longUnregistered: 0',
    '    unregistered: 0',
    `  ${probe}`,
  ];
}
