// pm2 start ecosystem.config.cjs, then pm2 reload gatehouse after each build.
module.exports = {
  apps: [
    {
      name: 'gatehouse',
      script: 'dist/src/site.js',
      exec_mode: 'cluster',
      instances: 2,
      // The next process is started only once this one listens.
      wait_ready: true,
      listen_timeout: 20_000,
      // A process finishes its requests within 10 seconds of SIGINT. PM2 would kill it after 1.6.
      kill_timeout: 10_000,
      env: { NODE_ENV: 'production', PORT: '3000' },
    },
  ],
}
