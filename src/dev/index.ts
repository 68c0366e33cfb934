import type { Feature } from '../visitor/feature.js'

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
