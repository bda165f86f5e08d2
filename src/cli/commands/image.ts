import { importImages, listImages, UsageError } from '#server';
import { flag, instanceOptions, pathOptions, print, type Command } from '../command.ts';

export const command: Command = {
  name: 'image',
  summary: 'import an image archive into the nodes, or list their images',
  usage: 'import FILE.tar … | ls',
  options: { ...instanceOptions, json: { type: 'boolean', help: 'machine-readable output' } },
  async run(args) {
    const [verb, ...files] = args.positionals;
    const json = flag(args, 'json');
    if (verb === 'import' && files.length) {
      for (const file of files) {
        const refs = await importImages(pathOptions(args), file);
        if (json) print(JSON.stringify({ file, images: refs }));
        else for (const ref of refs) print(`imported ${ref}`);
      }
      return 0;
    }
    if (verb === 'ls' && files.length === 0) {
      const images = await listImages(pathOptions(args));
      if (json) print(JSON.stringify(images, null, 2));
      else
        for (const image of images)
          print(`${(image.tags[0] ?? '<none>').padEnd(50)} ${image.id.replace('sha256:', '').slice(0, 12)}  ${(image.sizeBytes / 1e6).toFixed(1)} MB`);
      return 0;
    }
    throw new UsageError('say `image import FILE.tar` or `image ls`');
  },
};
