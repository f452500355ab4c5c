import { type LinuxImage, PackageError } from '@nexus-net/guest';
import { Refusal } from '../refusal.js';

/** The image that is being made. Throws {@link Refusal}, with what would help, where its packages can't be had. */
export async function madeImage(making: Promise<LinuxImage>): Promise<LinuxImage> {
  try {
    return await making;
  } catch (error) {
    if (!(error instanceof PackageError)) throw error;
    const remedy = error.remedy === undefined ? '' : `\nTo get it, as root:\n  ${error.remedy}`;
    throw new Refusal(`the guest’s image can’t be made: ${error.message}${remedy}`, 'missing');
  }
}
