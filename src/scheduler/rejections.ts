import type { NodeInfo } from './node-info.ts';
import type { Rejection } from './plugin.ts';

/** Nodes and why each cannot take a pod. Thousands are added for a pod that fits nowhere, and few are looked up. */
export class Rejections {
  readonly nodes: NodeInfo[] = [];
  readonly reasons: Rejection[] = [];

  get size(): number {
    return this.nodes.length;
  }
  add(node: NodeInfo, rejection: Rejection): void {
    this.nodes.push(node);
    this.reasons.push(rejection);
  }
  get(node: NodeInfo): Rejection | undefined {
    const at = this.nodes.indexOf(node);
    return at < 0 ? undefined : this.reasons[at];
  }
}
