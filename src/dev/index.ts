import type { Feature } from '../visitor/feature.js'

/** What is there for a browser on the same machine while a site is developed. Loaded then alone. */
export const developmentFeatures: readonly Feature[] = [
  {
    name: 'dev/mailbox',
    needs: 'mailbox',
    routes: async (router, gatehouse) => (await import('./mailbox.js')).routes(router, gatehouse),
  },
  {
    name: 'dev/gallery',
    needs: 'development',
    routes: async (router, gatehouse) => (await import('./gallery.js')).routes(router, gatehouse),
  },
]
